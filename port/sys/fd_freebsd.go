// SPDX-License-Identifier: ISC

package sys

import (
	"syscall"
	"unsafe"
)

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

// Mkfifoat is mkfifoat(2): it makes a named pipe.
func Mkfifoat(dir int, path *byte, mode uint32) Errno {
	return fail(Call(SYS_MKFIFOAT, uintptr(dir), ptr(path), uintptr(mode)))
}

// IsFifo reports whether fd is an open pipe, with or without a name, see
// fstat(2).
func IsFifo(fd int) bool {
	var st syscall.Stat_t
	err := fail(Call(SYS_FSTAT, uintptr(fd), ptr(&st), 0))
	return err == 0 && st.Mode&S_IFMT == S_IFIFO
}

// Getdents is getdirentries(2): it fills b with directory entries and returns
// their size in bytes, 0 at the end of the directory.
func Getdents(fd int, b []byte) (int, Errno) {
	return count(Call6(SYS_GETDIRENTRIES, uintptr(fd), buf(b), uintptr(len(b)), 0, 0, 0))
}

// DirentName is where the name is in struct dirent.
const DirentName = 24

// isDirent reports whether a directory entry is one: it has a file number, in its
// first 64 bits.
func isDirent(entry []byte) bool { return *(*uint64)(unsafe.Pointer(&entry[0])) != 0 }
