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

// round waits and serves what is ready. In the child of a fork, which finds
// itself somewhere below serve, nothing is ready any more.
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

func (p *Process) serve(place int) {
	switch place {
	case placeInput:
		p.readInbound()
	case placeSignal:
		p.readSignals()
	case placeMany:
		for _, e := range p.poll.readyMany() {
			p.serveStream(p.poll.place(e.Fd))
		}
	default:
		if place < placeInput {
			p.ready(place)
			return
		}
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
