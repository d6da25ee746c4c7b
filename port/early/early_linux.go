package early

const rlimitNoFile = 7

// prlimit is prlimit(2) for the calling process. It returns 0 or a negative
// error number.
//
//go:noescape
func prlimit(resource int, limit, old *Limit) int

func get(limit *Limit) int { return prlimit(rlimitNoFile, nil, limit) }
func set(limit *Limit) int { return prlimit(rlimitNoFile, limit, nil) }
