package port

import "github.com/alcove-go/alcove/port/sys"

// Flow control counts pieces of output that another program's streams may
// still deliver; standard output and error share the count. At 0 neither is
// read or polled. A child that runs this program is never held back.

// paused tells whether the output of the child has to wait for credit.
func (c *Child) paused() bool { return c.raw && c.FlowControl == 0 }

// SetFlowControl lets the child deliver n more pieces of output, -1 for no
// limit. It takes effect in the next round.
func (p *Process) SetFlowControl(c *Child, n int32) {
	c.FlowControl = n
	p.watchOutput(c)
	p.table.changed = p.table.changed || c.held != nil
}

// spend takes one piece from the child's credit.
func (p *Process) spend(c *Child) {
	if c.raw && c.FlowControl > 0 {
		c.FlowControl--
		if c.FlowControl == 0 {
			p.watchOutput(c)
		}
	}
}

// watchOutput polls the child's streams, or does not, as its state wants.
func (p *Process) watchOutput(c *Child) {
	p.watchStream(c, streamStdout, c.Stdout)
	p.watchStream(c, streamStderr, c.Stderr)
}

func (p *Process) watchStream(c *Child, stream int, fd int32) {
	switch {
	case fd < 0:
		p.forget(c, stream)
	case !c.paused():
		p.watch(c, stream, fd, sys.POLLIN)
	case c.exited:
		// No credit, but the slot is to go when there is nothing to hold.
		p.watch(c, stream, fd, 0)
	default:
		p.forget(c, stream)
	}
}

// hangUp looks at a paused stream whose last writer may be gone, and reports
// whether it is at its end.
func (p *Process) hangUp(c *Child, stream int, fd int32) (ended bool) {
	if stream == streamStdout && c.held != nil {
		p.forget(c, stream)
		return false
	}
	var fds [1]sys.PollFD
	fds[0] = sys.PollFD{FD: fd, Events: sys.POLLIN}
	if n, err := sys.Poll(fds[:], 0); err != 0 || n == 0 {
		return false
	}
	if atEndOfFile(&fds[0]) {
		return true
	}
	// There is output: it waits for credit, and nothing else can happen to it.
	p.forget(c, stream)
	return false
}
