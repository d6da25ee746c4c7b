package sys

import "syscall"

// FutexWait is futex(2) with FUTEX_WAIT_PRIVATE: it sleeps while *word is
// value, at most for timeout; nil is no limit.
func FutexWait(word *uint32, value uint32, timeout *syscall.Timespec) Errno {
	return fail(Call6(SYS_FUTEX, ptr(word), FUTEX_WAIT|FUTEX_PRIVATE_FLAG, uintptr(value), ptr(timeout), 0, 0))
}

// FutexWake is futex(2) with FUTEX_WAKE_PRIVATE for one waiter.
func FutexWake(word *uint32) Errno {
	return fail(Call(SYS_FUTEX, ptr(word), FUTEX_WAKE|FUTEX_PRIVATE_FLAG, 1))
}
