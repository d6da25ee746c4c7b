//go:build amd64 || arm64 || riscv64

package sys

import "syscall"

// Timespec is struct timespec.
func Timespec(sec, nsec int64) syscall.Timespec {
	return syscall.Timespec{Sec: sec, Nsec: nsec}
}
