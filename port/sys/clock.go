package sys

import "syscall"

// Monotonic is clock_gettime(2) of CLOCK_MONOTONIC, in nanoseconds.
func Monotonic() int64 {
	var ts syscall.Timespec
	Call(SYS_CLOCK_GETTIME, CLOCK_MONOTONIC, ptr(&ts), 0)
	return int64(ts.Sec)*1e9 + int64(ts.Nsec)
}
