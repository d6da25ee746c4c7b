// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// Serve sends the first frame and runs the process. It does not return.
func (p *Process) Serve(calls Calls) {
	p.calls = calls
	p.announce()
	for {
		p.round()
	}
}

// round waits and serves what is ready. A call made by serve may fork. The child
// returns through here too; becomeChild has emptied its poll set, so it serves
// nothing more in this round.
func (p *Process) round() {
	p.sweep()
	p.Flush()
	n, err := p.poll.wait()
	switch err {
	case 0:
	case sys.EINTR:
		return
	default:
		p.end(int(err))
	}
	for place := p.poll.first; place < len(p.poll.fds) && n > 0; place++ {
		if p.poll.fds[place].Revents != 0 {
			n--
			p.serve(place)
		}
	}
}

// serve handles what is ready at a place in the list of poll(2); pollset.go has their order.
func (p *Process) serve(place int) {
	switch {
	case place < placeInput:
		p.tellReady(place)
	case place == placeInput:
		p.readInbound()
	case place == placeSignal:
		p.readSignals()
	case place == placeMany:
		for _, e := range p.poll.readyMany() {
			p.serveStream(p.poll.place(e.Fd))
		}
	default:
		p.serveStream(place)
	}
}

func (p *Process) serveStream(place int) {
	if place >= p.poll.left {
		p.serveLeftover(place - p.poll.left)
		return
	}
	place -= placeChildren
	c := &p.table.slots[place/streams]
	switch place % streams {
	case streamControl:
		p.readControl(c)
	case streamStdout:
		p.readStdout(c)
	case streamStderr:
		p.readRaw(&c.outlet, streamStderr)
	case streamStdin:
		p.feedQueued(c)
	}
}

// sweep does what a call has left for later, and takes free slots off the end of the
// table.
func (p *Process) sweep() {
	t := &p.table
	if !t.changed {
		return
	}
	t.changed = false
	for i := range t.slots {
		if c := &t.slots[i]; c.state == runsProgram {
			p.deliverAhead(&c.outlet)
		}
	}
	if t.compact {
		p.compactChildren()
	}
	n := len(t.slots)
	for n > 0 && t.slots[n-1].Pid == 0 {
		n--
	}
	t.slots = t.slots[:n]
	p.poll.trim(n)
	p.sweepLeftovers(t.compact)
	t.compact = false
	p.pollStarved()
}

// pollStarved has children read again for which there was no buffer, once one is
// free.
func (p *Process) pollStarved() {
	if !p.starved || p.unused == nil {
		return
	}
	p.starved = false
	for i := range p.table.slots {
		if c := &p.table.slots[i]; c.Pid != 0 {
			p.pollControl(c)
			p.pollOutput(&c.outlet)
		}
	}
}

// compactChildren moves children to the lowest slots, in their order.
func (p *Process) compactChildren() {
	t, n := &p.table, 0
	for i := range t.slots {
		c := &t.slots[i]
		if c.Pid == 0 {
			continue
		}
		if i != n {
			p.poll.move(placeChildren+i*streams, placeChildren+n*streams, streams)
			t.slots[n], *c = *c, Child{}
			t.slots[n].slot = int32(n)
		}
		n++
	}
}
