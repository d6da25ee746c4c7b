// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// A process that executes this program again begins with the default dispositions of
// signals, as programs do. Two signals would end it before it has signalled its
// programs: SIGPIPE comes when a reader of its output is gone, SIGIO when whoever
// started it is. So these two get the handler here, while the client is told that
// they have the default, until it sets another disposition. When another process
// sends one of them, this one does what the default is.

// handleQuietly gives a signal the handler if it has its default, and reports whether
// it did.
func (p *Process) handleQuietly(signo int) bool {
	if d, err := signal.Get(signo); err != 0 || d != signal.Default {
		return false
	}
	signal.Set(signo, signal.Info)
	p.quiet |= bitOf(signo)
	return true
}

func bitOf(signo int) uint64 { return 1 << (signo - 1) }

func (p *Process) isQuiet(signo int) bool { return signo <= 64 && p.quiet&bitOf(signo) != 0 }

// quietly handles the record of a signal whose handler is not the client's.
func (p *Process) quietly(signo int, info []byte) {
	from, sent := signal.Sender(info)
	if own := signo == sys.SIGPIPE && from == p.Pid; sent && !own {
		p.Flush()
		p.byDefault(signo)
	}
}

// byDefault does what the default of a signal is: it ends this process, except for
// process 1 of a pid namespace.
func (p *Process) byDefault(signo int) {
	signal.Set(signo, signal.Default)
	sys.Kill(sys.Getpid(), signo)
	signal.Set(signo, signal.Info)
}

// Disposition returns what the process does about a signal to the knowledge of its
// client. d is what it really does.
func (p *Process) Disposition(signo int, d signal.Disposition) signal.Disposition {
	if p.isQuiet(signo) {
		return signal.Default
	}
	return d
}

// DispositionSet must be called when a call has set what is done about a signal.
func (p *Process) DispositionSet(signo int, d signal.Disposition) {
	if p.isQuiet(signo) {
		p.quiet &^= bitOf(signo)
	}
	if signo == sys.SIGIO {
		p.sigioSet(d == signal.Info)
	}
}
