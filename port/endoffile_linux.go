package port

import "github.com/alcove-go/alcove/port/sys"

// atEndOfFile reports whether a stream that poll(2) has something to tell of,
// asked for POLLIN, has only its end left.
func atEndOfFile(fd *sys.PollFD) bool { return fd.Revents&sys.POLLIN == 0 }
