package sys

import "syscall"

// FutexWait is _umtx_op(2) with UMTX_OP_WAIT_UINT_PRIVATE: it sleeps while
// *word is value, at most for timeout; nil is no limit. Without a size in the
// fourth argument the fifth is a struct timespec.
func FutexWait(word *uint32, value uint32, timeout *syscall.Timespec) Errno {
	return fail(Call6(SYS__UMTX_OP, ptr(word), UMTX_OP_WAIT_UINT_PRIVATE, uintptr(value), 0, ptr(timeout), 0))
}

// FutexWake is _umtx_op(2) with UMTX_OP_WAKE_PRIVATE for one waiter.
func FutexWake(word *uint32) Errno {
	return fail(Call6(SYS__UMTX_OP, ptr(word), UMTX_OP_WAKE_PRIVATE, 1, 0, 0, 0))
}
