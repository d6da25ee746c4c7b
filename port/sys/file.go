package sys

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
