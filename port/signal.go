package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Descriptors of the signal pipe. The handler writes to one end, the loop
// reads from the other.
const (
	signalRead  = 3
	signalWrite = signal.WriteFD
)

const recordsPerRead = 16

// readSignals handles what the handler has written, and when that is all, what
// it had to keep because the pipe was full.
func (p *Process) readSignals() {
	const most = 64 // a flood must not keep everybody waiting
	reap, more := false, true
	for i := 0; more && i < most; i++ {
		var n int
		n, more = p.readRecords()
		for at := 0; at+signal.InfoSize <= n; at += signal.InfoSize {
			reap = p.signalled(p.records[at:at+signal.InfoSize]) || reap
		}
	}
	for {
		info := (*[signal.InfoSize]byte)(p.records)
		if _, ok := signal.TakeOverflow(info); !ok {
			break
		}
		reap = p.signalled(info[:]) || reap
	}
	if reap {
		p.reap()
	}
}

// readRecords reads once from the signal pipe, and reports whether there may be
// more. Either end can have been closed by a call, which ends the process.
func (p *Process) readRecords() (n int, more bool) {
	n, err := sys.Read(signalRead, p.records)
	switch {
	case err == sys.EINTR:
		return 0, true
	case err == sys.EAGAIN:
		return 0, false
	case err != 0:
		p.Flush()
		p.end(int(err))
	case n == 0:
		p.Flush()
		p.end(0)
	}
	return n, n == len(p.records)
}

// signalled sends the event of a siginfo, or reports that children are to be
// reaped instead.
func (p *Process) signalled(info []byte) (reap bool) {
	signo := signalNumber(info)
	if signo == 0 { // left by an exec that failed (handOverIgnored)
		return false
	}
	if signo == sys.SIGCHLD && !p.SIGCHLDTaken {
		return true
	}
	e := p.begin(0, false, typeEvent)
	e.Tuple(3)
	e.Atom("signal")
	e.Atom(p.calls.SignalName(signo))
	e.Binary(info)
	p.finish()
	return false
}

// signalNumber is si_signo of a siginfo.
func signalNumber(info []byte) int { return int(*(*int32)(unsafe.Pointer(&info[0]))) }

// reap collects the children that have ended. Stops, of which a tracer hears
// here too, are not the end of anything.
func (p *Process) reap() {
	for {
		var status int32
		pid, err := sys.Wait4(-1, &status, sys.WNOHANG)
		if err == sys.EINTR {
			continue
		}
		if err != 0 || pid <= 0 {
			return
		}
		ws := sys.WaitStatus(status)
		if !ws.Exited() && !ws.Signaled() {
			continue
		}
		if c := p.addressed(int32(pid)); c != nil {
			p.ended(c, ws)
		}
	}
}

// ended reports the end of a child: after all that it has written.
func (p *Process) ended(c *Child, ws sys.WaitStatus) {
	p.release(c)
	if p.Options.StdinClosed {
		p.ctl(uint32(c.Pid), "stdin_closed")
	}
	switch {
	case ws.Exited() && p.Options.ExitStatus:
		e := p.begin(uint32(c.Pid), true, typeEvent)
		e.Tuple(2)
		e.Atom("exit_status")
		e.Int(int64(ws.ExitStatus()))
		p.finish()
	case ws.Signaled() && p.Options.TermSig:
		e := p.begin(uint32(c.Pid), true, typeEvent)
		e.Tuple(2)
		e.Atom("termsig")
		e.Atom(p.calls.SignalName(int(ws.Signal())))
		p.finish()
	}
}

// release delivers the output of a child that has ended and closes the way in.
// Its slot becomes free when nobody else holds its streams.
func (p *Process) release(c *Child) {
	c.exited = true
	p.table.changed = true
	if c.Control >= 0 {
		p.readControl(c)
	}
	if c.Control >= 0 { // held open by a process that the child left behind
		p.controlClosed(c)
	}
	p.drain(c)
	p.watchOutput(c)
	if fd := c.stdinNumber(); fd >= 0 {
		p.forget(c, streamStdin)
		sys.Close(int(fd))
		c.Stdin, c.closing = -1, -1
	}
	p.drop(&c.queue)
}

// Waited must be called when waitpid(2) has collected the child pid, which
// exited or was killed. The child is not listed or addressed any more, and its
// end is not reported; its output still is.
func (p *Process) Waited(pid int32) {
	if c := p.addressed(pid); c != nil {
		c.waited = true
		p.table.changed = true // release it after the reply
	}
}

// signalChildren is what becomes of programs when the input of this process
// ends: each gets the signal that was set for it, its process group if it
// leads one, and is continued so that it takes notice. Children that run this
// program see the end of their own input; they only need to be running.
func (p *Process) signalChildren() {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 || c.exited {
			continue // a pid that was reaped may be somebody else's
		}
		pid := int(c.Pid)
		if c.Control != closedControl {
			if !p.locked {
				sys.Kill(pid, sys.SIGCONT)
			}
			continue
		}
		if p.Options.SignalOnEOF == 0 {
			continue
		}
		signo := int(c.SignalOnEOF)
		if sys.Kill(-pid, signo) == 0 || sys.Kill(pid, signo) == 0 {
			sys.Kill(pid, sys.SIGCONT)
		}
	}
}
