//go:build 386 || arm

// SPDX-License-Identifier: ISC

package sys

import (
	"math"
	"syscall"
)

// mmap2(2) counts the offset in pages; mmap(2) takes its arguments elsewhere.
const sysMmap = syscall.SYS_MMAP2

// Lseek is lseek(2) as _llseek(2), which knows offsets of 64 bits. The new
// offset is not returned.
func Lseek(fd int, offset int64, whence int) Errno {
	var result int64
	return fail(Call6(syscall.SYS__LLSEEK, uintptr(fd), uintptr(offset>>32), uintptr(offset), ptr(&result), uintptr(whence), 0))
}

// Timespec is struct timespec, whose seconds end with those of 32 bits.
func Timespec(sec, nsec int64) syscall.Timespec {
	return syscall.Timespec{Sec: int32(min(sec, math.MaxInt32)), Nsec: int32(nsec)}
}
