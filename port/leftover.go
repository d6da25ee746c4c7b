// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

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
	l.leftover, l.slot = true, int32(i)
	p.poll.roomLeft(len(t.slots))
	p.pollOutput(&l.outlet)
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
			if int(*l.descriptor(stream)) == fd {
				p.closeStream(&l.outlet, stream)
				return 0
			}
		}
	}
	return sys.Close(fd)
}

// sweepLeftovers takes free slots off the end of the table. Where fewer children are
// allowed than before, so are leftovers, and they move to the lowest slots.
func (p *Process) sweepLeftovers(compact bool) {
	t := &p.leftovers
	if compact {
		for t.live > int(p.Options.MaxChild) {
			p.closeOldest()
		}
		p.compactLeftovers()
	}
	n := len(t.slots)
	for n > 0 && t.slots[n-1].Pid == 0 {
		n--
	}
	t.slots = t.slots[:n]
	p.poll.roomLeft(n)
}

// compactLeftovers moves leftovers to the lowest slots, in their order.
func (p *Process) compactLeftovers() {
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
