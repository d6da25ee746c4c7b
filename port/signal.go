// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
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
	var held sys.Sigset
	for range signal.Max {
		info := (*[signal.InfoSize]byte)(p.records)
		if !signal.TakeOverflow(info, &held) {
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
	n, err := sys.Read(p.signals, p.records)
	switch {
	case err == sys.EINTR || err == sys.EAGAIN:
		return 0
	case err != 0 || n == 0:
		p.end(int(err))
	}
	return n
}

// signalled sends the event of a siginfo, or reports that children are to be
// reaped instead.
func (p *Process) signalled(info []byte) (reap bool) {
	signo := signalNumber(info)
	if signo == sys.SIGCHLD && !p.SIGCHLDTaken {
		return true
	}
	if signo == sys.SIGIO && p.hungUp() {
		return false
	}
	if p.isQuiet(signo) {
		p.quietly(signo, info)
		return false
	}
	e := p.openFrame(typeEvent)
	e.Tuple(3)
	e.Atom("signal")
	e.Atom(p.calls.SignalName(signo))
	e.Binary(info)
	p.closeFrame()
	return false
}

// signalNumber returns si_signo of a siginfo.
func signalNumber(info []byte) int { return int(*(*int32)(unsafe.Pointer(&info[0]))) }
