// SPDX-License-Identifier: ISC

package sys

import "syscall"

// Mkfifoat is mkfifoat(3): it makes a named pipe.
func Mkfifoat(dir int, path *byte, mode uint32) Errno {
	return fail(Call6(SYS_MKNODAT, uintptr(dir), ptr(path), uintptr(mode|S_IFIFO), 0, 0, 0))
}

// IsFifo reports whether fd is an open pipe, with or without a name: only pipes
// have fcntl(F_GETPIPE_SZ).
func IsFifo(fd int) bool {
	_, err := Fcntl(fd, F_GETPIPE_SZ, 0)
	return err == 0
}

// Getdents is getdents64(2): it fills b with directory entries and returns their
// size in bytes, 0 at the end of the directory.
func Getdents(fd int, b []byte) (int, Errno) {
	return count(Call(SYS_GETDENTS64, uintptr(fd), buf(b), uintptr(len(b))))
}

// DirentName is where the name is in struct linux_dirent64.
const DirentName = 19

// isDirent reports whether a directory entry is one: all are here.
func isDirent([]byte) bool { return true }

// EpollCreate1 is epoll_create1(2).
func EpollCreate1(flags int) (int, Errno) {
	return count(Call(SYS_EPOLL_CREATE1, uintptr(flags), 0, 0))
}

// EpollCtl is epoll_ctl(2).
func EpollCtl(epfd, op, fd int, event *syscall.EpollEvent) Errno {
	return fail(Call6(SYS_EPOLL_CTL, uintptr(epfd), uintptr(op), uintptr(fd), ptr(event), 0, 0))
}

// EpollWait is epoll_wait(2), made as epoll_pwait(2), which every architecture
// has. A timeout below zero is none.
func EpollWait(epfd int, events []syscall.EpollEvent, timeoutMillis int) (int, Errno) {
	return count(Call6(SYS_EPOLL_PWAIT, uintptr(epfd), buf(events), uintptr(len(events)), uintptr(timeoutMillis), 0, sigsetSize))
}
