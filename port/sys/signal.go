package sys

import "syscall"

// sigsetSize is the size in bytes of the kernel's signal set.
const sigsetSize = 8

// How [Sigprocmask] uses its set.
const (
	SigBlock   = 0
	SigUnblock = 1
	SigSetmask = 2
)

// Sigprocmask is rt_sigprocmask(2). Bit n-1 of a set stands for signal n. Both
// sets may be nil.
func Sigprocmask(how int, set, old *uint64) Errno {
	return fail(Call6(syscall.SYS_RT_SIGPROCMASK, uintptr(how), ptr(set), ptr(old), sigsetSize, 0, 0))
}

// Handlers that are not addresses.
const (
	SigDefault = 0
	SigIgnore  = 1
)

// Flags of [Sigaction].
const (
	SaSiginfo  = 0x00000004
	SaRestorer = 0x04000000
	SaOnStack  = 0x08000000
)

// RtSigaction is rt_sigaction(2). Both actions may be nil.
func RtSigaction(signo int, action, old *Sigaction) Errno {
	return fail(Call6(syscall.SYS_RT_SIGACTION, uintptr(signo), ptr(action), ptr(old), sigsetSize, 0, 0))
}
