//go:build linux && (386 || amd64 || arm)

package calls

import "github.com/alcove-go/alcove/port/sys"

// The rows whose system calls newer machines do not have. Lists of allowed system
// calls name those that libc makes: these, where they are.
var (
	chmodCall   = call{trap: sys.SYS_CHMOD, args: args{path, unsigned}, reply: ok}
	chownCall   = call{trap: sys.SYS_CHOWN, args: args{path, unsigned, unsigned}, reply: ok}
	getpgrpCall = call{trap: sys.SYS_GETPGRP, reply: number}
	linkCall    = call{trap: sys.SYS_LINK, args: args{path, path}, reply: ok}
	mkdirCall   = call{trap: sys.SYS_MKDIR, args: args{path, unsigned}, reply: ok}
	rmdirCall   = call{trap: sys.SYS_RMDIR, args: args{path}, reply: ok}
	symlinkCall = call{trap: sys.SYS_SYMLINK, args: args{path, path}, reply: ok}
	unlinkCall  = call{trap: sys.SYS_UNLINK, args: args{path}, reply: ok}
)
