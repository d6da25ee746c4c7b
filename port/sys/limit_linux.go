package sys

// Getrlimit is prlimit64(2), as libc makes it: getrlimit(2) has values of 32 bits
// on some machines.
func Getrlimit(resource int, limit *Rlimit) Errno { return prlimit(resource, nil, limit) }

// Setrlimit is prlimit64(2).
func Setrlimit(resource int, limit *Rlimit) Errno { return prlimit(resource, limit, nil) }

func prlimit(resource int, limit, old *Rlimit) Errno {
	return fail(Call6(SYS_PRLIMIT64, 0, uintptr(resource), ptr(limit), ptr(old), 0, 0))
}

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = ^uint64(0)
