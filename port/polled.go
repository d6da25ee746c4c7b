// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// pollControl waits for notices of a child.
func (p *Process) pollControl(c *Child) {
	if c.Control >= 0 {
		p.pollFor(&c.outlet, streamControl, c.Control, sys.POLLIN)
	}
}

// pollStdin waits until the input of a child takes more.
func (p *Process) pollStdin(c *Child) {
	if fd := c.stdinFD(); fd >= 0 {
		p.pollFor(&c.outlet, streamStdin, fd, sys.POLLOUT)
	}
}

// pollOutput waits for output on both streams, or not while they are paused.
func (p *Process) pollOutput(o *outlet) {
	p.pollStream(o, streamStdout)
	p.pollStream(o, streamStderr)
}

func (p *Process) pollStream(o *outlet, stream int) {
	fd := *o.descriptor(stream)
	switch {
	case fd < 0:
		p.forget(o, stream)
	case !o.paused():
		p.pollFor(o, stream, fd, sys.POLLIN)
	case o.leftover:
		// No credit, but a leftover is to go when there is nothing to hold.
		p.pollFor(o, stream, fd, 0)
	default:
		p.forget(o, stream)
	}
}

// pollFor waits for events on a stream of a child or leftover, instead of what was
// waited for before.
func (p *Process) pollFor(o *outlet, stream int, fd int32, events int16) {
	place := p.poll.placeOf(o, stream)
	old := &p.poll.fds[place]
	if old.FD == fd && old.Events == events {
		return
	}
	op := opChange
	if old.FD != fd {
		p.forget(o, stream)
		op = opAdd
	}
	*old = sys.PollFD{FD: fd, Events: events}
	p.poll.update(op, place)
}

// forget ends the waiting for a stream. It must come before the stream is closed.
func (p *Process) forget(o *outlet, stream int) {
	place := p.poll.placeOf(o, stream)
	if p.poll.fds[place].FD >= 0 {
		p.poll.update(opRemove, place)
		p.poll.fds[place] = sys.PollFD{FD: -1}
	}
}
