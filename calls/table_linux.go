// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// The rows of the table that are those of Linux.
var (
	capConstantCall     = undefCall
	capEnterCall        = undefCall
	capFcntlsGetCall    = undefCall
	capFcntlsLimitCall  = undefCall
	capGetmodeCall      = undefCall
	capIoctlsLimitCall  = undefCall
	capRightsLimitCall  = undefCall
	cloneCall           = call{run: (*Calls).clone}
	cloneConstantCall   = call{run: (*Calls).constantOf, names: cloneConstants}
	jailCall            = undefCall
	jailAttachCall      = undefCall
	jailRemoveCall      = undefCall
	mkfifoCall          = call{trap: sys.SYS_MKNODAT, read: readers{here, path, fifoMode, nothing}, reply: ok}
	mountCall           = call{trap: sys.SYS_MOUNT, read: readers{name, path, name, positive, data, data}, names: mountConstants, reply: ok, sleeps: true}
	pivotRootCall       = call{trap: sys.SYS_PIVOT_ROOT, read: readers{path, path}, reply: ok}
	prctlCall           = call{run: (*Calls).prctl}
	prctlConstantCall   = call{run: (*Calls).constantOf, names: prctlConstants}
	procctlCall         = undefCall
	ptraceCall          = call{run: (*Calls).ptrace}
	ptraceConstantCall  = call{run: (*Calls).constantOf, names: ptraceConstants}
	seccompCall         = call{run: (*Calls).seccomp}
	seccompConstantCall = call{run: (*Calls).constantOf, names: seccompConstants}
	setnsCall           = call{trap: sys.SYS_SETNS, read: readers{signed, oneOf}, names: cloneConstants, reply: ok}
	syscallCall         = call{run: (*Calls).syscall}
	syscallConstantCall = call{run: (*Calls).constantOf, names: syscallConstants}
	umountCall          = call{trap: sys.SYS_UMOUNT2, read: readers{path, nothing}, reply: ok, sleeps: true}
	umount2Call         = call{trap: sys.SYS_UMOUNT2, read: readers{path, positive}, names: mountConstants, reply: ok, sleeps: true}
	unshareCall         = call{trap: sys.SYS_UNSHARE, read: readers{anyOf}, names: cloneConstants, reply: ok}
)

// missing reports whether the call nr, from callCount on, is not one of this system.
func missing(int) bool { return false }

const trapSelect = sys.SYS_PSELECT6

// fifoMode reads the permissions of a named pipe.
func fifoMode(c *Calls) uintptr { return unsigned(c) | sys.S_IFIFO }
