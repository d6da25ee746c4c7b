// SPDX-License-Identifier: ISC

package signal

import "github.com/alcove-go/alcove/port/sys"

// Disposition is what the process does about a signal.
type Disposition int

const (
	Default Disposition = iota // what the kernel does: end, stop or nothing
	Ignore                     // nothing
	Info                       // our handler makes a record of it
	Other                      // a handler that is not ours; cannot be set
)

// For the handler, which is in assembly.
const (
	sysWrite   = sys.SYS_WRITE
	brokenPipe = sys.EPIPE
)

// handlerPC returns the address of the handler.
func handlerPC() uintptr

// Set changes what the process does about a signal and returns what it did
// before. It fails with EINVAL for numbers that are no signal, for SIGKILL and
// SIGSTOP, and for the disposition Other. See sigaction(2).
func Set(signo int, d Disposition) (Disposition, sys.Errno) {
	var action, old sys.Sigaction
	switch d {
	case Default:
		action.Handler = sys.SIG_DFL
	case Ignore:
		action.Handler = sys.SIG_IGN
	case Info:
		action = sys.Catch(handlerPC())
	default:
		return Default, sys.EINVAL
	}
	if err := sys.SetSigaction(signo, &action, &old); err != 0 {
		return Default, err
	}
	return disposition(&old), 0
}

// Get tells what the process does about a signal. It fails with EINVAL for
// numbers that are no signal.
func Get(signo int) (Disposition, sys.Errno) {
	var now sys.Sigaction
	if err := sys.SetSigaction(signo, nil, &now); err != 0 {
		return Default, err
	}
	return disposition(&now), 0
}

func disposition(a *sys.Sigaction) Disposition {
	switch a.Handler {
	case sys.SIG_DFL:
		return Default
	case sys.SIG_IGN:
		return Ignore
	case handlerPC():
		return Info
	}
	return Other
}

// InstallAll sets Info for every signal that can have a handler, except the
// two that threading libraries keep for themselves.
func InstallAll() {
	for signo := 1; signo <= Max; signo++ {
		if signo != 32 && signo != 33 {
			Set(signo, Info) // SIGKILL and SIGSTOP refuse
		}
	}
}

// Halts reports whether no process can go on that gets the signal: it cannot be
// handled, ignored or blocked.
func Halts(signo int) bool { return signo == sys.SIGKILL || signo == sys.SIGSTOP }
