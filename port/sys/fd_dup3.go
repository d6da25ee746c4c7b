//go:build linux && (arm64 || riscv64)

// SPDX-License-Identifier: ISC

package sys

// Dup3 is dup3(2), except that it does nothing when from and to are the same
// descriptor, as dup2(2) does.
func Dup3(from, to, flags int) Errno {
	if from == to {
		return 0
	}
	n, err := Call(SYS_DUP3, uintptr(from), uintptr(to), uintptr(flags))
	if err == 0 && int(n) != to {
		return ESKIPPED
	}
	return err
}
