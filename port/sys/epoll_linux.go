package sys

import "syscall"

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
