// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// A process that sleeps in a call, waitpid or the open of a fifo, does not
// poll its input. So it has the kernel send SIGIO when the other side of the
// control socket closes, which whoever started the process holds. SIGIO
// interrupts the call (signal.Interruptible), and the loop finds the end of
// the input. It costs no system call in the loop. SIGIO stays an event for
// those who use it themselves.

// askForSIGIO asks for SIGIO when the control socket closes. The kernel compares users
// when it sends the signal. So a process that has got another user asks again, and
// looks whether it has missed the hang-up in between.
func (p *Process) askForSIGIO() {
	// At the start already: children share the memory that this writes.
	if !signal.FindWindow() || !p.notifies || p.ioTaken {
		return
	}
	if _, err := sys.Fcntl(p.control, sys.F_SETOWN, p.Pid); err != 0 {
		return
	}
	sys.Fcntl(p.control, sys.F_SETFL, sys.O_ASYNC)
	p.hungUp()
}

// hungUp looks whether the other side of descriptor 5 has closed. If not, SIGIO
// came from somebody else. It must come after the signal: the next one is not
// missed.
func (p *Process) hungUp() bool {
	if !p.notifies {
		return false
	}
	signal.ForgetInterrupt()
	if polled := sys.PollNow(int32(p.control), 0); polled.Revents&sys.POLLHUP == 0 {
		return false
	}
	signal.Interrupt() // for good: no call sleeps any more
	return true
}

// IdentityChanged must be called when the process has got another user.
func (p *Process) IdentityChanged() {
	if !p.locked {
		p.askForSIGIO()
	}
}

// sigioSet must be called when the disposition of SIGIO has been set. Without the handler
// the signal would be of no use, or end the process before it has signalled its
// programs.
func (p *Process) sigioSet(handled bool) {
	p.ioTaken = !handled
	if p.locked || !p.notifies {
		return
	}
	if p.ioTaken {
		sys.Fcntl(p.control, sys.F_SETFL, 0)
	}
	p.askForSIGIO()
}
