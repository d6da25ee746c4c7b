// SPDX-License-Identifier: ISC

package sys

// Iovec is struct iovec.
type Iovec struct {
	Base *byte
	Len  uintptr
}

// Read is read(2). At the end of the file it returns 0.
func Read(fd int, b []byte) (int, Errno) {
	return count(Call(SYS_READ, uintptr(fd), buf(b), uintptr(len(b))))
}

// Write is write(2). It may write less than all of b.
func Write(fd int, b []byte) (int, Errno) {
	return count(Call(SYS_WRITE, uintptr(fd), buf(b), uintptr(len(b))))
}

// Writev is writev(2). It may write less than all of v.
func Writev(fd int, v []Iovec) (int, Errno) {
	return count(Call(SYS_WRITEV, uintptr(fd), buf(v), uintptr(len(v))))
}

// Close is close(2).
func Close(fd int) Errno {
	return fail(Call(SYS_CLOSE, uintptr(fd), 0, 0))
}

// CloseRange is close_range(2) for the descriptors first to last, both
// included, without flags. Linux before 5.9 answers ENOSYS.
func CloseRange(first, last uint) Errno {
	return fail(Call(SYS_CLOSE_RANGE, uintptr(first), uintptr(last), 0))
}

// Pipe2 is pipe2(2): p[0] is the end to read from, p[1] the end to write to.
func Pipe2(p *[2]int32, flags int) Errno {
	*p = [2]int32{-1, -1}
	err := fail(Call(SYS_PIPE2, ptr(p), uintptr(flags), 0))
	return made(err, p[0])
}

// DupAbove is fcntl(F_DUPFD) or, with closeOnExec, fcntl(F_DUPFD_CLOEXEC): a
// copy of fd on the first free descriptor not below lowest.
func DupAbove(fd, lowest int, closeOnExec bool) (int, Errno) {
	cmd := F_DUPFD
	if closeOnExec {
		cmd = F_DUPFD_CLOEXEC
	}
	n, err := Fcntl(fd, cmd, lowest)
	if err == 0 && n < lowest {
		return 0, ESKIPPED
	}
	return n, err
}

// Fcntl is fcntl(2) with an integer argument.
func Fcntl(fd, cmd, arg int) (int, Errno) {
	return count(Call(SYS_FCNTL, uintptr(fd), uintptr(cmd), uintptr(arg)))
}

// SetCloseOnExec sets or clears FD_CLOEXEC.
func SetCloseOnExec(fd int, on bool) Errno {
	arg := 0
	if on {
		arg = FD_CLOEXEC
	}
	_, err := Fcntl(fd, F_SETFD, arg)
	return err
}

// PollFD is struct pollfd. An FD below zero is passed over.
type PollFD struct {
	FD      int32
	Events  int16
	Revents int16
}

// PollNow polls one descriptor and does not wait. Without an event, or after an error,
// Revents is 0.
func PollNow(fd int32, events int16) PollFD {
	at := [1]PollFD{{FD: fd, Events: events}}
	if n, err := Poll(at[:], 0); err != 0 || n == 0 {
		at[0].Revents = 0
	}
	return at[0]
}

// Openat is openat(2). With AT_FDCWD as dir a relative path starts at the
// current directory.
func Openat(dir int, path *byte, flags int, mode uint32) (int, Errno) {
	return count(Call6(SYS_OPENAT, uintptr(dir), ptr(path), uintptr(flags), uintptr(mode), 0, 0))
}

// Umask is umask(2): it sets the file mode creation mask and returns the one before.
func Umask(mask int) int {
	r, _ := Call(SYS_UMASK, uintptr(mask), 0, 0)
	return int(r)
}
