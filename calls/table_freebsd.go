// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// The rows of the table that are those of FreeBSD.
var (
	capConstantCall     = call{run: (*Calls).constantOf, names: capConstants}
	capEnterCall        = call{trap: sys.SYS_CAP_ENTER, reply: ok}
	capFcntlsGetCall    = call{run: (*Calls).capFcntlsGet}
	capFcntlsLimitCall  = call{trap: sys.SYS_CAP_FCNTLS_LIMIT, read: readers{signed, positive}, names: capConstants, reply: ok}
	capGetmodeCall      = call{run: (*Calls).capGetmode}
	capIoctlsLimitCall  = call{run: (*Calls).capIoctlsLimit}
	capRightsLimitCall  = call{run: (*Calls).capRightsLimit}
	cloneCall           = undefCall
	cloneConstantCall   = undefCall
	jailCall            = call{run: (*Calls).jail}
	jailAttachCall      = call{trap: sys.SYS_JAIL_ATTACH, read: readers{signed}, reply: ok}
	jailRemoveCall      = call{trap: sys.SYS_JAIL_REMOVE, read: readers{signed}, reply: ok, sleeps: true}
	linkCall            = call{trap: sys.SYS_LINK, read: readers{path, path}, reply: ok}
	mkfifoCall          = call{trap: sys.SYS_MKFIFOAT, read: readers{here, path, unsigned}, reply: ok}
	mountCall           = call{run: (*Calls).mount}
	pivotRootCall       = undefCall
	prctlCall           = undefCall
	prctlConstantCall   = undefCall
	procctlCall         = call{run: (*Calls).procctl}
	ptraceCall          = undefCall
	ptraceConstantCall  = undefCall
	seccompCall         = undefCall
	seccompConstantCall = undefCall
	setnsCall           = undefCall
	syscallCall         = undefCall
	syscallConstantCall = undefCall
	umountCall          = call{trap: sys.SYS_UNMOUNT, read: readers{path, nothing}, reply: ok, sleeps: true}
	umount2Call         = call{trap: sys.SYS_UNMOUNT, read: readers{path, positive}, names: mountConstants, reply: ok, sleeps: true}
	unshareCall         = undefCall
)

// missing reports whether the call nr, from callCount on, is not one of this system.
func missing(nr int) bool { return nr == nrSyscall }

const trapSelect = sys.SYS_PSELECT
