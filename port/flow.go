package port

import "github.com/alcove-go/alcove/port/sys"

// Flow control counts pieces of output that another program's streams may
// still deliver; standard output and error share the count. At 0 neither is
// read or polled. A child that runs this program is never held back.

// paused tells whether output has to wait for credit.
func (o *outlet) paused() bool { return o.raw && o.FlowControl == 0 && !o.lifted }

// SetFlowControl lets the child pid, or what is left of it, deliver n more pieces
// of output, -1 for no limit. It takes effect in the next round.
func (p *Process) SetFlowControl(pid, n int32) {
	o := p.outletOf(pid)
	if o == nil {
		return
	}
	o.FlowControl = n
	p.watchOutput(o)
	p.table.changed = p.table.changed || o.held != nil
}

// outletOf returns the way out of the child pid or of its leftover, nil if there
// is neither. There are never both.
func (p *Process) outletOf(pid int32) *outlet {
	if c := p.ChildByPid(pid); c != nil {
		return &c.outlet
	}
	if l := p.leftovers.find(pid); l != nil {
		return &l.outlet
	}
	return nil
}

// spend takes one piece from the credit.
func (p *Process) spend(o *outlet) {
	if o.raw && o.FlowControl > 0 {
		o.FlowControl--
		if o.FlowControl == 0 {
			p.watchOutput(o)
		}
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
	case o.ended:
		// No credit, but a leftover is to go when there is nothing to hold.
		p.watch(o, stream, fd, 0)
	default:
		p.forget(o, stream)
	}
}

// hangUp looks at a paused stream whose last writer may be gone, and reports
// whether it is at its end.
func (p *Process) hangUp(o *outlet, stream int) (ended bool) {
	if stream == streamStdout && o.held != nil {
		p.forget(o, stream)
		return false
	}
	var fds [1]sys.PollFD
	fds[0] = sys.PollFD{FD: *o.number(stream), Events: sys.POLLIN}
	if n, err := sys.Poll(fds[:], 0); err != 0 || n == 0 {
		return false
	}
	if atEndOfFile(&fds[0]) {
		return true
	}
	// There is output: it waits for credit, and nothing else can happen to it.
	p.forget(o, stream)
	return false
}
