// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// Flush writes all that was gathered. It blocks until the reader has taken it.
// When the reader is gone, or was at an earlier write, the process ends.
func (p *Process) Flush() {
	if p.out.flush() != 0 {
		p.end(0)
	}
}

// Exit ends the process with the low 8 bits of status. Replies that were
// gathered go out first. Children are not signalled: those that run this
// program end because their input does.
func (p *Process) Exit(status int) {
	p.Flush()
	p.exit(status)
}

// end ends the process, at once or when what runs below it has ended. What was gathered
// goes out first; where it cannot be written, that error is the status. Children that
// run other programs are signalled.
func (p *Process) end(status int) {
	if err := p.out.flush(); err != 0 {
		status = int(err)
	}
	p.traceEnd(status)
	if p.Options.GraceOnEOF > 0 {
		p.endBelow()
	} else {
		p.signalChildren()
	}
	p.exit(status)
}

// check ends a process that cannot be made ready to serve.
func check(err sys.Errno) {
	if err != 0 {
		sys.Exit(int(err))
	}
}
