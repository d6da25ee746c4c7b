//go:build amd64 || arm64 || riscv64

package sys

// Getrlimit is getrlimit(2). It is not prlimit(2), because lists of allowed
// system calls in the field have getrlimit and setrlimit.
func Getrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_GETRLIMIT, uintptr(resource), ptr(limit), 0))
}

// Setrlimit is setrlimit(2).
func Setrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_SETRLIMIT, uintptr(resource), ptr(limit), 0))
}
