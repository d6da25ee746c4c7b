package port

import "github.com/alcove-go/alcove/port/sys"

// A child that has ended is none any more, but a process that it left in the
// background may hold its standard output and error. These streams go on as a
// leftover: what comes is delivered under the pid of the child, with flow control
// under the credit that was left.
//
// Leftovers do not count as children. There are at most as many as children may
// be; the oldest is closed to make room, for another or for the descriptors of a
// new child. Before a child gets a pid that was used before, the leftover of that
// pid is closed: nothing is delivered in another's name.
type leftover struct {
	outlet
	age uint64 // that of a younger one is greater
}

// leftovers is the table of leftovers. Slots are reused from the lowest.
type leftovers struct {
	slots []leftover // those in use have a pid
	live  int        // slots in use
	age   uint64     // of the youngest
}

func (t *leftovers) reset() { t.slots, t.live = t.slots[:0], 0 }

// room gets the memory for n leftovers.
func (t *leftovers) room(n int) bool {
	slots, ok := sys.Grow(t.slots, n)
	t.slots = slots
	return ok
}

// find returns the leftover of pid, nil if there is none.
func (t *leftovers) find(pid int32) *leftover {
	if pid <= 0 {
		return nil
	}
	for i := range t.slots {
		if l := &t.slots[i]; l.Pid == pid {
			return l
		}
	}
	return nil
}

// oldest returns the leftover that has been there for the longest time, nil if
// there is none.
func (t *leftovers) oldest() (oldest *leftover) {
	for i := range t.slots {
		if l := &t.slots[i]; l.Pid != 0 && (oldest == nil || l.age < oldest.age) {
			oldest = l
		}
	}
	return oldest
}

// vacant returns the lowest free slot. There must be memory for it.
func (t *leftovers) vacant() int {
	i := 0
	for i < len(t.slots) && t.slots[i].Pid != 0 {
		i++
	}
	if i == len(t.slots) {
		t.slots = t.slots[:i+1]
	}
	return i
}

func (t *leftovers) free(slot int) {
	t.slots[slot].Pid = 0
	t.live--
}

// addLeftover makes the streams of a child that has ended a leftover.
func (p *Process) addLeftover(o *outlet) {
	t := &p.leftovers
	for t.live >= max(1, int(p.Options.MaxChild)) {
		p.closeOldest()
	}
	i := t.vacant()
	t.age++
	t.live++
	l := &t.slots[i]
	*l = leftover{outlet: *o, age: t.age}
	l.ended, l.slot = true, int32(i)
	p.poll.roomLeft(len(t.slots))
	p.watchOutput(&l.outlet)
}

// closeOldest makes room, and reports false when there is no leftover. It may be
// called while a call is answered.
func (p *Process) closeOldest() bool {
	l := p.leftovers.oldest()
	if l != nil {
		p.closeLeftover(l)
	}
	return l != nil
}

func (p *Process) closeLeftover(l *leftover) {
	p.closeStream(&l.outlet, streamStdout)
	p.closeStream(&l.outlet, streamStderr)
}

// closeLeftNumber closes the descriptor fd, which may be that of a leftover's
// stream.
func (p *Process) closeLeftNumber(fd int) sys.Errno {
	for i := range p.leftovers.slots {
		l := &p.leftovers.slots[i]
		if l.Pid == 0 || fd < firstFree {
			continue
		}
		for stream := streamStdout; stream <= streamStderr; stream++ {
			if int(*l.number(stream)) == fd {
				p.closeStream(&l.outlet, stream)
				return 0
			}
		}
	}
	return sys.Close(fd)
}

// sweepLeftovers takes free slots away. Where fewer children are allowed than
// before, so are leftovers, and they move to the lowest slots.
func (p *Process) sweepLeftovers(fewer bool) {
	t := &p.leftovers
	if fewer {
		for t.live > int(p.Options.MaxChild) {
			p.closeOldest()
		}
		p.closeLeftRanks()
	}
	n := len(t.slots)
	for n > 0 && t.slots[n-1].Pid == 0 {
		n--
	}
	t.slots = t.slots[:n]
	p.poll.roomLeft(n)
}

func (p *Process) closeLeftRanks() {
	t, n := &p.leftovers, 0
	for i := range t.slots {
		l := &t.slots[i]
		if l.Pid == 0 {
			continue
		}
		if i != n {
			p.poll.move(p.poll.left+i*leftStreams, p.poll.left+n*leftStreams, leftStreams)
			t.slots[n], *l = *l, leftover{}
			t.slots[n].slot = int32(n)
		}
		n++
	}
}

// serveLeftover serves a place, counted from that of the first leftover.
func (p *Process) serveLeftover(place int) {
	l := &p.leftovers.slots[place/leftStreams]
	p.readRaw(&l.outlet, streamStdout+place%leftStreams)
}

// use tells whether a descriptor from first to last is that of a leftover.
func (t *leftovers) use(first, last uint32) bool {
	for i := range t.slots {
		l := &t.slots[i]
		for stream := streamStdout; l.Pid != 0 && stream <= streamStderr; stream++ {
			if fd := *l.number(stream); fd >= 0 && first <= uint32(fd) && uint32(fd) <= last {
				return true
			}
		}
	}
	return false
}
