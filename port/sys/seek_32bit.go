//go:build 386 || arm

package sys

import "syscall"

// Lseek is lseek(2) as _llseek(2), which knows offsets of 64 bits. The new
// offset is not returned.
func Lseek(fd int, offset int64, whence int) Errno {
	var result int64
	return fail(Call6(syscall.SYS__LLSEEK, uintptr(fd), uintptr(offset>>32), uintptr(offset), ptr(&result), uintptr(whence), 0))
}
