package sys

// Dup3 is dup3(3) as FreeBSD makes it: by dup2(2), or fcntl(F_DUP2FD_CLOEXEC)
// with O_CLOEXEC, the only flag. It does nothing when from and to are the same
// descriptor.
func Dup3(from, to, flags int) Errno {
	if from == to {
		return 0
	}
	if flags&O_CLOEXEC != 0 {
		_, err := Fcntl(from, F_DUP2FD_CLOEXEC, to)
		return err
	}
	return fail(Call(SYS_DUP2, uintptr(from), uintptr(to), 0))
}

// Unread is ioctl(FIONREAD): how many bytes can be read from a pipe or socket.
func Unread(fd int) (int, Errno) {
	var n int32
	_, err := Call(SYS_IOCTL, uintptr(fd), FIONREAD, ptr(&n))
	return int(n), err
}
