// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// readControl reads the notices of a child. Anything else means that the socket is used
// for another purpose: then it is closed.
func (p *Process) readControl(c *Child) {
	for c.Control >= 0 {
		var b [8 * noticeSize]byte
		n, err := sys.Read(int(c.Control), b[:])
		switch {
		case err == sys.EINTR:
			continue
		case err == sys.EAGAIN:
			return
		case err != 0 || n%noticeSize != 0:
			p.loseControl(c)
			return
		case n == 0:
			p.controlClosed(c)
			return
		}
		for i := 0; i < n; i += noticeSize {
			if get32(b[i:]) != noticeMagic {
				p.loseControl(c)
				return
			}
			count := uint64(get32(b[i+8:]))<<32 | uint64(get32(b[i+12:]))
			p.noticed(c, get32(b[i+4:]), count)
		}
	}
}

// noticed does what a notice is for. count is how many bytes the child has written since
// its last one.
func (p *Process) noticed(c *Child, kind uint32, count uint64) {
	c.announced += count
	c.state = runsPort
	switch kind {
	case noticeExec:
		c.state = aboutToExec
	case noticeKept, noticeFailed:
		p.openGate(c)
	case noticeInput:
		c.gate = gateless
		p.openGate(c)
	}
}

func (p *Process) closeControl(c *Child) {
	p.forget(&c.outlet, streamControl)
	sys.Close(int(c.Control))
	c.Control = -1
}

// loseControl goes on without the control socket: whether the child runs another program
// is never known again.
func (p *Process) loseControl(c *Child) {
	p.closeControl(c)
	c.state = unknown
	c.gate = gateless
	p.openGate(c)
}

// controlClosed handles end of file on the control socket: the child has exec'ed or
// ended. Its frames go first, so that no reply comes after fdctl_closed, which clients take
// for the success of an exec.
func (p *Process) controlClosed(c *Child) {
	if !p.bufferFor(&c.outlet) {
		p.forget(&c.outlet, streamControl)
		return
	}
	p.closeControl(c)
	if c.state == aboutToExec {
		p.forwardAnnounced(c)
		c.state = runsProgram
	} else {
		p.forwardAll(&c.outlet)
		c.state = portEnded
	}
	if c.state == runsProgram || p.Options.FdctlClosed {
		p.ctl(uint32(c.Pid), "fdctl_closed")
	}
	p.queueTaken(c)
	p.pollOutput(&c.outlet)
	if c.state == runsProgram {
		p.deliverAhead(&c.outlet)
	}
	p.openGate(c)
}

// readStdout reads output of a program, or frames.
func (p *Process) readStdout(c *Child) {
	if c.state == runsProgram {
		p.readRaw(&c.outlet, streamStdout)
		return
	}
	p.readFrames(c)
}

// readFrames reads from a child that runs this program and passes on the
// frames that are complete. What is left of one stays with the child, which
// delays nobody else.
func (p *Process) readFrames(c *Child) {
	if p.readAhead(&c.outlet, bufferSize) == 0 {
		p.dropEmpty(&c.outlet)
		return
	}
	if c.mayExec() {
		// Then its notice came before the first byte of the new program.
		p.readControl(c)
		if c.state == runsProgram {
			return
		}
	}
	p.forwardFrames(&c.outlet, ^uint64(0))
}

// forwardAnnounced passes on what the child wrote as frames before it exec'ed.
// All of it is in the pipe.
func (p *Process) forwardAnnounced(c *Child) {
	for {
		p.forwardFrames(&c.outlet, c.announced)
		if c.Stdout < 0 || c.forwarded >= c.announced {
			return
		}
		left := c.announced - c.forwarded
		if c.ahead != nil {
			left -= min(left, uint64(c.ahead.len()))
		}
		if left == 0 || p.readAhead(&c.outlet, int(min(left, bufferSize))) == 0 {
			return
		}
	}
}
