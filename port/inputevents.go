// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// What becomes of the input of programs is told to those who have asked for it, by
// ctl frames:
//
//	{stdin_taken, N}    the pipe of the program has taken N bytes of a message;
//	                    if it has more, the others are not taken
//	{stdin_ready, N}    after that: the pipe has room for N bytes at least
//	{stdin_error, Name} the pipe takes nothing any more
//
// There is one of the first or the last for each message. Those that were sent
// behind an exec call, before it had succeeded, are told together.

// inputTaken tells that messages of a program, from one piece to another, have been
// taken as a whole.
func (p *Process) inputTaken(d *pending, from, to int) {
	for i := from; i < to && p.Options.StdinTaken; i++ {
		p.inputEvent(d.to, "stdin_taken", d.sizes[i])
	}
}

// inputNone tells about a message that has no bytes, or nowhere to go.
func (p *Process) inputNone(c *Child) {
	switch {
	case !p.Options.StdinTaken:
	case c.Stdin < 0:
		p.inputFails(c, sys.EBADF)
	default:
		p.inputEvent(c, "stdin_taken", 0)
	}
}

// inputFull tells that n bytes of a message were taken and the others not.
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

// queueTaken tells that what was held back during an exec is for the program.
func (p *Process) queueTaken(c *Child) {
	if c.state == runsProgram && c.queue != nil && p.Options.StdinTaken {
		p.inputEvent(c, "stdin_taken", c.queue.len())
	}
}

func (p *Process) inputFails(c *Child, err sys.Errno) {
	e := p.openFrame(uint32(c.Pid), true, typeCtl)
	e.Tuple(2)
	e.Atom("stdin_error")
	e.Atom(p.calls.ErrnoName(err))
	p.closeFrame()
}

func (p *Process) inputEvent(c *Child, what string, n int) {
	e := p.openFrame(uint32(c.Pid), true, typeCtl)
	e.Tuple(2)
	e.Atom(what)
	e.Int(int64(n))
	p.closeFrame()
}
