//go:build 386 || arm

package sys

// Getrlimit is prlimit(2): getrlimit(2) knows only 32-bit values here.
func Getrlimit(resource int, limit *Rlimit) Errno {
	return Prlimit(0, resource, nil, limit)
}

// Setrlimit is prlimit(2): setrlimit(2) knows only 32-bit values here.
func Setrlimit(resource int, limit *Rlimit) Errno {
	return Prlimit(0, resource, limit, nil)
}
