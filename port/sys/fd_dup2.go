//go:build linux && (386 || amd64 || arm)

// SPDX-License-Identifier: ISC

package sys

// Dup3 is dup3(3), except that it does nothing when from and to are the same
// descriptor, made by dup2(2) and fcntl(F_SETFD), as libc's dup2 is. O_CLOEXEC is
// the only flag.
func Dup3(from, to, flags int) Errno {
	if from == to {
		return 0
	}
	n, err := Call(SYS_DUP2, uintptr(from), uintptr(to), 0)
	switch {
	case err != 0:
		return err
	case int(n) != to:
		return ESKIPPED
	case flags&O_CLOEXEC != 0:
		return SetCloseOnExec(to, true)
	}
	return 0
}
