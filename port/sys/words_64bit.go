//go:build amd64 || arm64 || riscv64

// SPDX-License-Identifier: ISC

package sys

import "syscall"

const sysMmap = syscall.SYS_MMAP

// Lseek is lseek(2). The new offset is not returned.
func Lseek(fd int, offset int64, whence int) Errno {
	return fail(Call(SYS_LSEEK, uintptr(fd), uintptr(offset), uintptr(whence)))
}

// Timespec is struct timespec.
func Timespec(sec, nsec int64) syscall.Timespec {
	return syscall.Timespec{Sec: sec, Nsec: nsec}
}
