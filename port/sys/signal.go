package sys

// sigsetSize is the size in bytes of the kernel's signal set.
const sigsetSize = 8

// Sigprocmask is rt_sigprocmask(2). Bit n-1 of a set stands for signal n. Both
// sets may be nil.
func Sigprocmask(how int, set, old *uint64) Errno {
	return fail(Call6(SYS_RT_SIGPROCMASK, uintptr(how), ptr(set), ptr(old), sigsetSize, 0, 0))
}

// RtSigaction is rt_sigaction(2). Both actions may be nil.
func RtSigaction(signo int, action, old *Sigaction) Errno {
	return fail(Call6(SYS_RT_SIGACTION, uintptr(signo), ptr(action), ptr(old), sigsetSize, 0, 0))
}
