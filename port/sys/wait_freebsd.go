package sys

// WaitStatus is what wait4(2) tells of a child, by the macros of wait(2).
// Package syscall takes a child that was continued for one that was killed.
type WaitStatus uint32

const (
	waitSignal  = 0x7f // the signal that ended the child, or one of these
	waitExited  = 0
	waitStopped = 0x7f

	waitContinued = 0x13 // all of the status
)

// Exited reports whether the child has exited, with ExitStatus.
func (w WaitStatus) Exited() bool { return w&waitSignal == waitExited }

// Continued reports whether the child goes on after a stop.
func (w WaitStatus) Continued() bool { return w == waitContinued }

// Signaled reports whether the child was ended by Signal.
func (w WaitStatus) Signaled() bool {
	return !w.Exited() && w&waitSignal != waitStopped && !w.Continued()
}

// ExitStatus is the status of a child that has exited.
func (w WaitStatus) ExitStatus() int { return int(w >> 8 & 0xff) }

// Signal is the signal that ended the child.
func (w WaitStatus) Signal() int { return int(w & waitSignal) }

// StopSignal is the signal that stopped the child.
func (w WaitStatus) StopSignal() int { return int(w >> 8 & 0xff) }

// CoreDump reports whether the child was ended by a signal and left a core.
func (w WaitStatus) CoreDump() bool { return w.Signaled() && w&0x80 != 0 }
