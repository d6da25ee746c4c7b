// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Exec runs try, which is to make the system calls that replace the program,
// and returns only if they fail. Before, everything that was gathered goes
// out, and the parent is told that its child's frames end here.
//
// Input that was read ahead belongs to the new program. In a forked child
// there is none, since its parent holds it back (feed.go). In the top-level
// process a relay hands it on, for which a process is forked: then the error
// may also be that of fork(2) or pipe(2), with nothing lost.
func (p *Process) Exec(try func() sys.Errno) sys.Errno {
	p.Flush()
	p.in.restore()
	held := signal.StopHolding() // a program must not begin with signals blocked
	err := p.exec(try)
	if held {
		signal.Hold()
	}
	return err
}

func (p *Process) exec(try func() sys.Errno) sys.Errno {
	var r relay
	if p.in.len() > 0 {
		if err := r.start(p.in.bytes()); err != 0 {
			return err
		}
	}
	if p.notifies {
		kind := uint32(noticeExec)
		if p.controlKept {
			kind = noticeKept
		}
		p.execed = true
		p.notify(kind)
	}
	var t replaced
	err := t.give(&p.Options.Given)
	if err == 0 {
		err = try()
		t.back()
	}
	if p.notifies {
		p.notify(noticeFailed)
	}
	r.cancel()
	return err
}

// drainChildren passes on what children have written, and how they have ended. It comes
// before a call that may execute a program, which closes their streams. Output does
// not wait for credit, since it would be lost.
func (p *Process) drainChildren() {
	if p.table.live == 0 && p.leftovers.live == 0 {
		return
	}
	signals := [...]sys.PollFD{p.poll.fds[placeSignal]}
	if n, err := sys.Poll(signals[:], 0); err == 0 && n > 0 {
		p.readSignals()
	}
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 {
			continue
		}
		p.readControl(c)
		if c.state != runsProgram {
			p.readFrames(c)
		}
		p.drainOutlet(&c.outlet)
	}
	for i := range p.leftovers.slots {
		if l := &p.leftovers.slots[i]; l.Pid != 0 {
			p.drainOutlet(&l.outlet)
		}
	}
}

func (p *Process) drainOutlet(o *outlet) {
	o.lifted = true
	if o.state == runsProgram {
		p.drainStdout(o)
	}
	p.drainStream(o, streamStderr)
	o.lifted = false
	p.pollOutput(o)
}
