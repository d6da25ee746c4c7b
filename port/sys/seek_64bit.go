//go:build amd64 || arm64 || riscv64

package sys

// Lseek is lseek(2). The new offset is not returned.
func Lseek(fd int, offset int64, whence int) Errno {
	return fail(Call(SYS_LSEEK, uintptr(fd), uintptr(offset), uintptr(whence)))
}
