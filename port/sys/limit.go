package sys

// Rlimit is struct rlimit with 64-bit values.
type Rlimit struct{ Cur, Max uint64 }

// Prlimit is prlimit(2). Both limits may be nil; pid 0 is the caller.
func Prlimit(pid, resource int, limit, old *Rlimit) Errno {
	return fail(Call6(SYS_PRLIMIT64, uintptr(pid), uintptr(resource), ptr(limit), ptr(old), 0, 0))
}
