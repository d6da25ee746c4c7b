//go:build linux && (386 || amd64 || arm)

// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// The rows whose system calls newer machines do not have. Lists of allowed system
// calls name those that libc makes: these, where they are.
var (
	chmodCall   = call{trap: sys.SYS_CHMOD, read: readers{path, unsigned}, reply: ok}
	chownCall   = call{trap: sys.SYS_CHOWN, read: readers{path, unsigned, unsigned}, reply: ok}
	getpgrpCall = call{trap: sys.SYS_GETPGRP, reply: number}
	linkCall    = call{trap: sys.SYS_LINK, read: readers{path, path}, reply: ok}
	mkdirCall   = call{trap: sys.SYS_MKDIR, read: readers{path, unsigned}, reply: ok}
	rmdirCall   = call{trap: sys.SYS_RMDIR, read: readers{path}, reply: ok}
	symlinkCall = call{trap: sys.SYS_SYMLINK, read: readers{path, path}, reply: ok}
	unlinkCall  = call{trap: sys.SYS_UNLINK, read: readers{path}, reply: ok}
)
