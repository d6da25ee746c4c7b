//go:build 386 || arm

package sys

import (
	"math"
	"syscall"
)

// Timespec is struct timespec, whose seconds end with those of 32 bits.
func Timespec(sec, nsec int64) syscall.Timespec {
	return syscall.Timespec{Sec: int32(min(sec, math.MaxInt32)), Nsec: int32(nsec)}
}
