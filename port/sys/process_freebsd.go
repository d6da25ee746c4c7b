// SPDX-License-Identifier: ISC

package sys

// Clone is fork(2): there are no namespaces, so flags other than 0 are refused. In
// the child self becomes its pid.
//
// The kernel gives the child 0 as the first result. The second is 1 or 0, by
// architecture, and of no interest: package syscall tells parent and child
// apart by the first, too.
func Clone(flags uintptr, self *int32) (pid int, err Errno) {
	if flags != 0 {
		return 0, EINVAL
	}
	if pid, err = count(Call(SYS_FORK, 0, 0, 0)); err == 0 && pid == 0 {
		*self = int32(Getpid())
	}
	return pid, err
}

// Exit ends the process with exit(2). It does not return.
func Exit(status int) {
	for {
		Call(SYS_EXIT, uintptr(status), 0, 0)
	}
}

// SetSubreaper fails: the reapers of procctl(2) are not used yet.
func SetSubreaper() Errno { return ENOTSUP }

// IsSubreaper tells that this process is none.
func IsSubreaper() bool { return false }

// Getrlimit is getrlimit(2).
func Getrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_GETRLIMIT, uintptr(resource), ptr(limit), 0))
}

// Setrlimit is setrlimit(2).
func Setrlimit(resource int, limit *Rlimit) Errno {
	return fail(Call(SYS_SETRLIMIT, uintptr(resource), ptr(limit), 0))
}

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = RLIM_INFINITY

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

// ExitStatus returns the status of a child that has exited.
func (w WaitStatus) ExitStatus() int { return int(w >> 8 & 0xff) }

// Signal returns the signal that ended the child.
func (w WaitStatus) Signal() int { return int(w & waitSignal) }

// StopSignal returns the signal that stopped the child.
func (w WaitStatus) StopSignal() int { return int(w >> 8 & 0xff) }

// CoreDump reports whether the child was ended by a signal and left a core.
func (w WaitStatus) CoreDump() bool { return w.Signaled() && w&0x80 != 0 }

// Sysctl is __sysctl(2). It fills old, if that is not nil, and returns how much
// of it, and makes set the value, if that is not nil.
func Sysctl(name []int32, old, set []byte) (size int, err Errno) {
	n := uintptr(len(old))
	var oldp, sizep, setp uintptr
	if old != nil {
		oldp, sizep = buf(old), ptr(&n)
	}
	if set != nil {
		setp = buf(set)
	}
	err = fail(Call6(SYS___SYSCTL, buf(name), uintptr(len(name)), oldp, sizep, setp, uintptr(len(set))))
	return int(n), err
}
