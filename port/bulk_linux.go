package port

import "github.com/alcove-go/alcove/port/sys"

func setPipeSize(fd, size int) { sys.Fcntl(fd, sys.F_SETPIPE_SZ, size) }
