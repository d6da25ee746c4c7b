//go:build freebsd || 386 || amd64 || arm

// SPDX-License-Identifier: ISC

package sys

// Poll is poll(2). A timeout below zero is none.
func Poll(fds []PollFD, timeoutMillis int) (int, Errno) {
	return count(Call(SYS_POLL, buf(fds), uintptr(len(fds)), uintptr(timeoutMillis)))
}
