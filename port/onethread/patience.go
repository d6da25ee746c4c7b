package onethread

import (
	"syscall"

	"github.com/alcove-go/alcove/port/sys"
)

// A start takes a few hundred microseconds. Enter gives up when both of these
// are exceeded: the time alone would be wrong for a process that is stopped or
// starved meanwhile, the rounds alone for one that turns quickly.
const (
	maxNanos  = 1e9
	maxRounds = 200
)

// pause is the longest that one round waits for another thread.
var pause = syscall.Timespec{Nsec: 5e6}

// patience counts what was waited for.
type patience struct {
	start  int64
	rounds int
}

func newPatience() patience { return patience{start: sys.Monotonic()} }

// over counts a round and reports whether it was one too many.
func (p *patience) over() bool {
	p.rounds++
	return p.rounds > maxRounds && sys.Monotonic()-p.start > maxNanos
}
