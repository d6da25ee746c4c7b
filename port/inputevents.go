// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// With the option StdinTaken, ctl frames tell what becomes of the input of programs:
//
//	{stdin_taken, N}    the pipe of the program has taken N bytes of a message;
//	                    if it has more, the others are not taken
//	{stdin_ready, N}    after that: the pipe has room for N bytes at least
//	{stdin_error, Name} the pipe takes nothing any more
//
// There is one of the first or the last for each message. Those that were sent
// behind an exec call, before it had succeeded, are told together.

// inputTaken reports that a program has taken whole messages: the pieces from one up to
// another.
func (p *Process) inputTaken(d *pending, from, to int) {
	for i := from; i < to && p.Options.StdinTaken; i++ {
		p.inputEvent(d.to, "stdin_taken", d.sizes[i])
	}
}

// inputNone reports on a message that has no bytes, or nowhere to go.
func (p *Process) inputNone(c *Child) {
	switch {
	case !p.Options.StdinTaken:
	case c.Stdin < 0:
		p.inputFails(c, sys.EBADF)
	default:
		p.inputEvent(c, "stdin_taken", 0)
	}
}

// inputFull reports that n bytes of a message were taken and the others not.
func (p *Process) inputFull(c *Child, n int) {
	if !p.Options.StdinTaken {
		p.pipeFull(c.Pid, n)
		return
	}
	p.inputEvent(c, "stdin_taken", n)
	c.hungry = true
	p.pollStdin(c)
}

// inputReady tells a sender who was refused that there is room again.
func (p *Process) inputReady(c *Child) {
	p.forget(&c.outlet, streamStdin)
	if c.hungry {
		c.hungry = false
		p.inputEvent(c, "stdin_ready", atomic)
	}
}

// queueTaken reports what was held back during an exec as taken by the program.
func (p *Process) queueTaken(c *Child) {
	if c.state == runsProgram && c.queue != nil && p.Options.StdinTaken {
		p.inputEvent(c, "stdin_taken", c.queue.len())
	}
}

// inputFails reports that input is closed.
func (p *Process) inputFails(c *Child, err sys.Errno) {
	e := p.openChildFrame(uint32(c.Pid), typeCtl)
	e.Tuple(2)
	e.Atom("stdin_error")
	e.Atom(p.calls.ErrnoName(err))
	p.closeFrame()
}

func (p *Process) inputEvent(c *Child, what string, n int) {
	e := p.openChildFrame(uint32(c.Pid), typeCtl)
	e.Tuple(2)
	e.Atom(what)
	e.Int(int64(n))
	p.closeFrame()
}
