package port

import "golang.org/x/sys/unix"

// Serve sends the first frame and runs the process. It does not return.
func (p *Process) Serve(calls Calls) {
	p.calls = calls
	p.announce()
	for {
		p.round()
	}
}

// round waits and serves what is ready: input, then signals, then the children
// in slot order. In the child of a fork it finds nothing more to do.
func (p *Process) round() {
	p.sweep()
	p.Flush()
	switch err := p.poll.wait(); err {
	case 0:
	case unix.EINTR:
		return
	default:
		p.end(int(err))
	}
	for i := 0; i < len(p.poll.ready); i++ {
		p.serve(p.poll.ready[i])
	}
}

func (p *Process) serve(k key) {
	switch k {
	case keyInbound:
		p.readInbound()
		return
	case keySignal:
		p.readSignals()
		return
	}
	c := p.childAt(k)
	if c == nil {
		return
	}
	switch k & 3 {
	case keyControl:
		p.readControl(c)
	case keyStdout:
		p.readStdout(c)
	case keyStderr:
		p.readStderr(c)
	case keyStdin:
		p.feedQueued(c)
	}
}

// childAt returns the child of a key, nil if it was freed since the poll.
func (p *Process) childAt(k key) *Child {
	if i := int(k >> 2); i < len(p.table.pids) && p.table.pids[i] != 0 {
		return &p.table.slots[i]
	}
	return nil
}
