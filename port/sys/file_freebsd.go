package sys

import "syscall"

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

// Getdirentries is getdirentries(2): it fills b with directory entries and
// returns their size in bytes, 0 at the end of the directory.
func Getdirentries(fd int, b []byte) (int, Errno) {
	return count(Call6(SYS_GETDIRENTRIES, uintptr(fd), buf(b), uintptr(len(b)), 0, 0, 0))
}
