//go:build linux && (arm64 || riscv64)

// SPDX-License-Identifier: ISC

package sys

import "syscall"

// Poll is poll(2), which these architectures have only as ppoll(2). A timeout
// below zero is none.
func Poll(fds []PollFD, timeoutMillis int) (int, Errno) {
	if timeoutMillis < 0 {
		return count(Call6(SYS_PPOLL, buf(fds), uintptr(len(fds)), 0, 0, sigsetSize, 0))
	}
	ts := syscall.Timespec{
		Sec:  int64(timeoutMillis / 1000),
		Nsec: int64(timeoutMillis % 1000 * 1000000),
	}
	return count(Call6(SYS_PPOLL, buf(fds), uintptr(len(fds)), ptr(&ts), 0, sigsetSize, 0))
}
