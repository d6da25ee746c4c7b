// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/signal"

// Filtered reports whether call nr is blocked in this process.
func (p *Process) Filtered(nr int) bool {
	return nr>>3 < len(p.filter) && p.filter[nr>>3]&(1<<(nr&7)) != 0
}

// AddFilter blocks calls: those in self in this process, those in sub in
// processes that it forks from now on. Each is a bit map of at most 16 bytes,
// least significant bit first. Nothing is ever unblocked.
func (p *Process) AddFilter(self, sub []byte) {
	for i, b := range self {
		p.filter[i] |= b
	}
	for i, b := range sub {
		p.subFilter[i] |= b
	}
}

// Locking must be called before a system call that may install a seccomp
// filter. From then on, here and in all descendants, the loop makes only the system
// calls that such filters have always had to allow. None of them gives memory, so it
// takes the buffers that may be needed now.
func (p *Process) Locking() {
	p.Flush()
	if p.locked {
		return
	}
	p.poll.dropMany()
	signal.StopHolding()
	const enough = 4 // more children than that wait for each other
	for range min(enough, p.Options.MaxChild) {
		if b := newBuffer(); b != nil {
			p.drop(&b)
		}
	}
	p.locked = true
}

// Locked reports whether a seccomp filter may be in force. It does not know of one that
// was there before the program started.
func (p *Process) Locked() bool { return p.locked }
