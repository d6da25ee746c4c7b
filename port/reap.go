// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// reap collects the children that have ended. A tracer hears of stops here too:
// they end nothing.
func (p *Process) reap() {
	for ended, last := false, false; ; {
		var status int32
		var usage sys.Rusage
		pid, err := sys.Wait4(-1, &status, sys.WNOHANG, &usage)
		if err == sys.EINTR {
			continue
		}
		if err != 0 || pid <= 0 {
			if ended && p.Options.Childless {
				p.tellChildless(err == sys.ECHILD)
			}
			if last {
				p.Exit(0)
			}
			return
		}
		ws := sys.WaitStatus(status)
		if !ws.Exited() && !ws.Signaled() {
			continue
		}
		ended = true
		if c := p.ChildByPid(int32(pid)); c != nil {
			p.reportEnd(c, ws, &usage)
			last = p.Options.OneShot // an orphan is not what the process is there for
		}
	}
}

// tellChildless reports, after the ends of children, whether there are none left, orphans
// included: {childless, true | false}. What they have written comes before.
func (p *Process) tellChildless(childless bool) {
	if childless {
		p.drainLeftovers()
	}
	e := p.openFrame(typeCtl)
	e.Tuple(2)
	e.Atom("childless")
	e.Bool(childless)
	p.closeFrame()
}

// reportEnd reports the end of a child: after all that it has written.
func (p *Process) reportEnd(c *Child, ws sys.WaitStatus, usage *sys.Rusage) {
	p.drain(c)
	if p.Options.StdinClosed {
		p.ctl(uint32(c.Pid), "stdin_closed")
	}
	if p.Options.Usage {
		p.reportUsage(c, ws, usage)
	}
	switch {
	case ws.Exited() && p.Options.ExitStatus:
		e := p.openChildFrame(uint32(c.Pid), typeEvent)
		e.Tuple(2)
		e.Atom("exit_status")
		e.Int(int64(ws.ExitStatus()))
		p.closeFrame()
	case ws.Signaled() && p.Options.TermSig:
		e := p.openChildFrame(uint32(c.Pid), typeEvent)
		e.Tuple(2)
		e.Atom("termsig")
		e.Atom(p.calls.SignalName(int(ws.Signal())))
		p.closeFrame()
	}
	p.retire(c)
}

// Waited must be called when waitpid(2) has collected the child pid, which
// exited or was killed. The child is not listed or addressed any more, and its
// end is not reported. What it has written follows the reply to the call.
func (p *Process) Waited(pid int32) {
	if c := p.ChildByPid(pid); c != nil {
		c.waited = true
		p.table.waited = true
	}
}

// retireWaited retires the children that the call before has waited for.
func (p *Process) retireWaited() {
	t := &p.table
	if !t.waited {
		return
	}
	t.waited = false
	for i := range t.slots {
		if c := &t.slots[i]; c.waited {
			p.drain(c)
			p.retire(c)
		}
	}
}

// drain passes on all that an ended child has written, credit or not: clients take
// its end for the end of its output.
func (p *Process) drain(c *Child) {
	c.lifted = true
	if c.Control >= 0 {
		p.readControl(c)
	}
	if c.Control >= 0 { // held open by a process that the child left behind
		p.controlClosed(c)
	}
	if c.state == runsProgram {
		p.drainStdout(&c.outlet)
	} else {
		p.forwardAll(&c.outlet)
	}
	p.drainStream(&c.outlet, streamStderr)
	c.lifted = false
}

// drainLeftovers passes on what programs that have ended left in their pipes, credit or
// not: nobody writes more.
func (p *Process) drainLeftovers() {
	for i := range p.leftovers.slots {
		if o := &p.leftovers.slots[i].outlet; o.Pid != 0 {
			o.lifted = true
			p.drainStdout(o)
			p.drainStream(o, streamStderr)
		}
	}
}

// drainStdout passes on all that another program has written to its standard
// output.
func (p *Process) drainStdout(o *outlet) {
	p.deliverAhead(o)
	p.drainStream(o, streamStdout)
}

// drainStream passes on what is in a pipe: at most as much as that holds, since a
// process that the child left behind may go on writing.
func (p *Process) drainStream(o *outlet, stream int) {
	for drained, size := 0, usualPipe; ; {
		if drained >= size {
			size = p.capacity(*o.descriptor(stream))
		}
		if drained >= size {
			return
		}
		n := p.readPiece(o, stream, size-drained)
		if n == 0 {
			return
		}
		drained += n
	}
}

// retire takes a child that has ended out of the table. Streams that others hold
// go on as a leftover. Frames do not: nobody else writes these.
func (p *Process) retire(c *Child) {
	if c.state != runsProgram && c.Stdout >= 0 {
		p.closeAndTell(&c.outlet, streamStdout)
	}
	p.closeInput(c)
	p.forget(&c.outlet, streamStdout)
	p.forget(&c.outlet, streamStderr)
	o := c.outlet
	p.remove(c)
	if o.Stdout >= 0 || o.Stderr >= 0 {
		p.addLeftover(&o)
	}
}

// closeInput closes the way in and forgets what waits there.
func (p *Process) closeInput(c *Child) {
	if fd := c.stdinFD(); fd >= 0 {
		p.forget(&c.outlet, streamStdin)
		sys.Close(int(fd))
		c.Stdin, c.closing = -1, -1
	}
	p.drop(&c.queue)
}

// evict closes everything of an earlier process with this pid whose end was never
// reported: SIGCHLD may be ignored. It may be called while a call is answered.
func (p *Process) evict(pid int32) {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid != pid {
			continue
		}
		if c.Control >= 0 {
			p.closeControl(c)
		}
		p.closeStream(&c.outlet, streamStdout)
		p.closeStream(&c.outlet, streamStderr)
		p.closeInput(c)
		p.remove(c)
	}
	if l := p.leftovers.find(pid); l != nil {
		p.closeLeftover(l)
	}
}
