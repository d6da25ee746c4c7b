package onethread

import (
	"syscall"

	"github.com/alcove-go/alcove/port/sys"
)

// A start takes a few hundred microseconds: what is waited for is mostly there
// after some turns of the scheduler. After maxSpins of them comes a pause, in
// which whatever else keeps the machine busy can run, and after maxPauses, a
// second altogether, Enter gives up. The clock is not asked, because it also
// runs while the process is stopped or starved.
const (
	maxSpins  = 1000
	maxPauses = 200
)

var pauseTime = syscall.Timespec{Nsec: 5e6}

// patience counts the pauses.
type patience struct{ pauses int }

// wait waits a moment, the n-th of a row, while the state is s.
func (p *patience) wait(n int, s uint32) {
	if n < maxSpins {
		sys.Yield()
		return
	}
	if sys.FutexWait(&state, s, &pauseTime) == sys.ETIMEDOUT {
		p.pauses++
	}
}

// over reports whether there were too many pauses.
func (p *patience) over() bool { return p.pauses > maxPauses }
