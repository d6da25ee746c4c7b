package port

import "github.com/alcove-go/alcove/port/sys"

func (p *Process) watchControl(c *Child) {
	if c.Control >= 0 {
		p.watch(&c.outlet, streamControl, c.Control, sys.POLLIN)
	}
}

func (p *Process) watchStdin(c *Child) {
	if fd := c.stdinNumber(); fd >= 0 {
		p.watch(&c.outlet, streamStdin, fd, sys.POLLOUT)
	}
}

// watchOutput polls the streams, or does not, as their state wants.
func (p *Process) watchOutput(o *outlet) {
	p.watchStream(o, streamStdout)
	p.watchStream(o, streamStderr)
}

func (p *Process) watchStream(o *outlet, stream int) {
	fd := *o.number(stream)
	switch {
	case fd < 0:
		p.forget(o, stream)
	case !o.paused():
		p.watch(o, stream, fd, sys.POLLIN)
	case o.leftover:
		// No credit, but a leftover is to go when there is nothing to hold.
		p.watch(o, stream, fd, 0)
	default:
		p.forget(o, stream)
	}
}

// watch waits for events on a stream of a child or leftover, instead of what was
// waited for before.
func (p *Process) watch(o *outlet, stream int, fd int32, events int16) {
	place := p.poll.placeOf(o, stream)
	old := &p.poll.fds[place]
	if old.FD == fd && old.Events == events {
		return
	}
	op := watchOther
	if old.FD != fd {
		p.forget(o, stream)
		op = watchNew
	}
	*old = sys.PollFD{FD: fd, Events: events}
	p.poll.tell(op, place)
}

// forget does not wait for a stream any more. It must come before the stream
// is closed.
func (p *Process) forget(o *outlet, stream int) {
	place := p.poll.placeOf(o, stream)
	if p.poll.fds[place].FD >= 0 {
		p.poll.tell(watchNone, place)
		p.poll.fds[place] = sys.PollFD{FD: -1}
	}
}
