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

// recordsPerRead is how many signals one round takes from the pipe. A flood must
// not keep everybody waiting: the rest is for later rounds.
const recordsPerRead = 16

// readSignals handles what the handler has written, and what it had to keep
// because the pipe was full: at most one record of each signal, however fast
// new ones come.
func (p *Process) readSignals() {
	reap := false
	n := p.readRecords()
	for at := 0; at+signal.InfoSize <= n; at += signal.InfoSize {
		reap = p.signalled(p.records[at:at+signal.InfoSize]) || reap
	}
	held := signal.Held()
	for range signal.Max {
		info := (*[signal.InfoSize]byte)(p.records)
		if _, ok := signal.TakeOverflow(info); !ok {
			break
		}
		reap = p.signalled(info[:]) || reap
	}
	signal.Release(held)
	if reap {
		p.reap()
	}
}

// readRecords reads from the signal pipe. Either end can have been closed by a
// call, which ends the process.
func (p *Process) readRecords() int {
	n, err := sys.Read(signalRead, p.records)
	switch {
	case err == sys.EINTR || err == sys.EAGAIN:
		return 0
	case err != 0:
		p.Flush()
		p.end(int(err))
	case n == 0:
		p.Flush()
		p.end(0)
	}
	return n
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
	if signo == sys.SIGIO && p.hungUp() {
		return false
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

// signalChildren is what becomes of programs when the input of this process
// ends: each gets the signal that was set for it, its process group if it
// leads one, and is continued so that it takes notice. Children that run this
// program see the end of their own input; they only need to be running.
func (p *Process) signalChildren() {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 || c.waited {
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
