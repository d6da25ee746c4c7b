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
