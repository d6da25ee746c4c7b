package sys

import "syscall"

const (
	futexWait    = 0
	futexWake    = 1
	futexPrivate = 128
)

// FutexWait is futex(2) with FUTEX_WAIT_PRIVATE: it sleeps while *word is
// value, at most for timeout; nil is no limit.
func FutexWait(word *uint32, value uint32, timeout *syscall.Timespec) Errno {
	return fail(Call6(syscall.SYS_FUTEX, ptr(word), futexWait|futexPrivate, uintptr(value), ptr(timeout), 0, 0))
}

// FutexWake is futex(2) with FUTEX_WAKE_PRIVATE for one waiter.
func FutexWake(word *uint32) Errno {
	return fail(Call(syscall.SYS_FUTEX, ptr(word), futexWake|futexPrivate, 1))
}
