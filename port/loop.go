package port

import (
	"github.com/alcove-go/alcove/port/sys"
	"golang.org/x/sys/unix"
)

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
	n, err := sys.Poll(p.poll.fds, -1)
	switch err {
	case 0:
	case unix.EINTR:
		return
	default:
		p.end(int(err))
	}
	for i := 0; i < len(p.poll.fds) && n > 0; i++ {
		if p.poll.fds[i].Revents != 0 {
			n--
			p.serve(i)
		}
	}
}

func (p *Process) serve(place int) {
	switch place {
	case placeInput:
		p.readInbound()
		return
	case placeSignal:
		p.readSignals()
		return
	}
	i := place - placeChildren
	c := &p.table.slots[i/streams]
	switch i % streams {
	case streamControl:
		p.readControl(c)
	case streamStdout:
		p.readStdout(c)
	case streamStderr:
		p.readStderr(c)
	case streamStdin:
		p.feedQueued(c)
	}
}
