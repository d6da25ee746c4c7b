package sys

import "syscall"

const clockMonotonic = 1

// Monotonic is clock_gettime(2) of CLOCK_MONOTONIC, in nanoseconds.
func Monotonic() int64 {
	var ts syscall.Timespec
	Call(syscall.SYS_CLOCK_GETTIME, clockMonotonic, ptr(&ts), 0)
	return int64(ts.Sec)*1e9 + int64(ts.Nsec)
}
