package early

const (
	rlimitNoFile = 8

	sysGetrlimit = 194
	sysSetrlimit = 195
)

// rlimit is getrlimit(2) or setrlimit(2). It returns 0 or an error number.
//
//go:noescape
func rlimit(call, resource int, limit *Limit) int

func get(limit *Limit) int { return rlimit(sysGetrlimit, rlimitNoFile, limit) }
func set(limit *Limit) int { return rlimit(sysSetrlimit, rlimitNoFile, limit) }
