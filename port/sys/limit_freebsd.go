package sys

// Getrlimit is getrlimit(2).
func Getrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_GETRLIMIT, uintptr(resource), ptr(limit), 0))
}

// Setrlimit is setrlimit(2).
func Setrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_SETRLIMIT, uintptr(resource), ptr(limit), 0))
}

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = RLIM_INFINITY
