//go:build 386 || arm

package sys

// Getrlimit is prlimit(2): getrlimit(2) knows only 32-bit values here.
func Getrlimit(resource int, limit *Rlimit) Errno {
	return prlimit(resource, nil, limit)
}

// Setrlimit is prlimit(2): setrlimit(2) knows only 32-bit values here.
func Setrlimit(resource int, limit *Rlimit) Errno {
	return prlimit(resource, limit, nil)
}

func prlimit(resource int, limit, old *Rlimit) Errno {
	return fail(Call6(SYS_PRLIMIT64, 0, uintptr(resource), ptr(limit), ptr(old), 0, 0))
}
