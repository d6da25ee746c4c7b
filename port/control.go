package port

import "github.com/alcove-go/alcove/port/sys"

// The control socket connects descriptor 5 of a forked child with its parent,
// and of the top-level process with a driver that listens (connect.go), which
// does what is said of the parent here.
//
// It closes on exec, and so tells the parent that the child now is another
// program. The child also sends notices on it, around its calls that exec:
//
//   - before it execs, how many bytes it has written to its standard output.
//     These are frames; all that follows is the output of the new program;
//   - whether the exec failed, so that the parent passes on what it holds back
//     (feed.go).
//
// A child whose socket closes without a notice of an exec was killed or ended:
// all that is in its output pipe are frames.
const (
	noticeExec   = 1 + iota // about to exec; the socket closes when that succeeds
	noticeKept              // about to exec, but the socket stays open (re-execution)
	noticeFailed            // the exec call failed, or was refused
	noticeInput             // a call read from descriptor 0: its bytes are not all frames
)

const (
	control    = 5
	noticeSize = 16
	magic      = 0x616c6376
)

// notify sends a notice with the number of bytes written since the last one.
// Errors are of no consequence: without a parent nobody waits for it.
func (p *Process) notify(kind uint32) { p.notifyAhead(kind, 0) }

// notifyAhead counts more bytes, which are about to be written.
func (p *Process) notifyAhead(kind uint32, more int) {
	var b [noticeSize]byte
	n := p.out.wrote + uint64(more)
	put32(b[0:], magic)
	put32(b[4:], kind)
	put32(b[8:], uint32(n>>32))
	put32(b[12:], uint32(n))
	sys.Write(control, b[:])
	p.out.wrote = -uint64(more)
}

// readControl takes what a child has sent. Anything but notices means that the
// socket was used for something else: it tells nothing any more.
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
			if get32(b[i:]) != magic {
				p.loseControl(c)
				return
			}
			count := uint64(get32(b[i+8:]))<<32 | uint64(get32(b[i+12:]))
			p.noticed(c, get32(b[i+4:]), count)
		}
	}
}

func (p *Process) noticed(c *Child, kind uint32, count uint64) {
	c.announced += count
	c.execing = kind == noticeExec
	switch kind {
	case noticeKept, noticeFailed:
		p.openGate(c)
	case noticeInput:
		c.gate = gateless
		p.openGate(c)
	}
}

func (p *Process) watchControl(c *Child) {
	if c.Control >= 0 {
		p.watch(&c.outlet, streamControl, c.Control, sys.POLLIN)
	}
}

func (p *Process) closeControl(c *Child, state int32) {
	p.forget(&c.outlet, streamControl)
	sys.Close(int(c.Control))
	c.Control = state
}

// loseControl goes on without the control socket: that the child is another
// program is never told.
func (p *Process) loseControl(c *Child) {
	p.closeControl(c, lostControl)
	c.port = false
	c.gate = gateless
	p.openGate(c)
}

// controlClosed is the end of a child as a process of this program. What it
// has written as such goes first, so that no reply comes after fdctl_closed,
// which clients take for the success of an exec.
func (p *Process) controlClosed(c *Child) {
	if !p.hold(&c.outlet) {
		p.forget(&c.outlet, streamControl)
		return
	}
	p.closeControl(c, closedControl)
	if c.execing {
		p.forwardAnnounced(c)
		c.raw = true
	} else {
		p.forwardAll(&c.outlet)
	}
	p.ctl(uint32(c.Pid), "fdctl_closed")
	p.inputHeld(c)
	c.port = false
	p.watchOutput(&c.outlet)
	if c.raw {
		p.deliverHeld(&c.outlet)
	}
	p.openGate(c)
}
