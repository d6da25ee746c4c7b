//go:build freebsd || (linux && (arm64 || riscv64))

// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// The rows whose system calls take a directory here: the machine or the system
// has no others, or libc makes these.
var (
	chmodCall   = call{trap: sys.SYS_FCHMODAT, read: readers{here, path, unsigned}, reply: ok}
	chownCall   = call{trap: sys.SYS_FCHOWNAT, read: readers{here, path, unsigned, unsigned}, reply: ok}
	getpgrpCall = call{trap: sys.SYS_GETPGID, read: readers{nothing}, reply: number}
	mkdirCall   = call{trap: sys.SYS_MKDIRAT, read: readers{here, path, unsigned}, reply: ok}
	rmdirCall   = call{trap: sys.SYS_UNLINKAT, read: readers{here, path, removeDir}, reply: ok}
	symlinkCall = call{trap: sys.SYS_SYMLINKAT, read: readers{path, here, path}, reply: ok}
	unlinkCall  = call{trap: sys.SYS_UNLINKAT, read: readers{here, path, nothing}, reply: ok}
)

func removeDir(*Calls) uintptr { return sys.AT_REMOVEDIR }
