// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// A process with GraceOnEOF ends after all that runs below it: it asks with a signal, waits,
// and kills. A child that runs this program is not asked. It sees the end of its input,
// and does the same for what runs below itself.
//
// A filter may be in force by then, and the loop made none of these calls
// before. So the waiting is poll(2), kill(2) and wait4(2), and a process that
// may have a filter does not look for orphans: its children and their groups
// are what it ends.
const (
	graceTick     = 10   // milliseconds between two looks
	gracePatience = 2000 // for processes of this program, then for the dead to go
	mostDiscarded = 16   // pieces of output for each stream and tick
)

// endBelow asks, waits and kills. It returns when nothing is left below, or
// when what is left cannot be killed.
func (p *Process) endBelow() {
	p.closeInputs()
	p.askBelow()
	left := int(p.Options.GraceOnEOF)
	if p.await(left, false) || p.Pid == 1 {
		return // the kernel ends a pid namespace with its first process
	}
	p.killBelow(true)
	if p.await(gracePatience, true) {
		return
	}
	p.killBelow(false)
	p.await(gracePatience, true)
}

// await waits for the end of all children, for so many milliseconds. There is
// no clock among the calls that are allowed: ticks are counted, and one that a
// signal has cut short counts a tenth.
func (p *Process) await(millis int, kill bool) bool {
	for millis > 0 {
		p.discardOutput()
		if p.reapUnknown() != 0 {
			return true
		}
		if _, err := sys.Poll(nil, min(graceTick, millis)); err == 0 {
			millis -= graceTick
		} else {
			millis -= graceTick / 10
		}
		if kill {
			p.killBelow(true)
		}
	}
	return p.reapUnknown() != 0
}

// closeInputs shows children that run this program the end of their input.
func (p *Process) closeInputs() {
	for i := range p.table.slots {
		if c := &p.table.slots[i]; c.livesAsPort() && c.Stdin >= 0 {
			sys.Close(int(c.Stdin))
			c.Stdin = -1
		}
	}
}

// askBelow sends each process below one signal: to children that of their own,
// to the others that of the process.
func (p *Process) askBelow() {
	signo := int(p.Options.SignalOnEOF)
	if p.Pid != 1 {
		p.signalChildren()
		if signo != 0 && !p.locked {
			w := p.newWalk(signo, p.in.b)
			w.spare = sparePorts | spareAsked
			w.look()
		}
		return
	}
	// Its /proc may be that of another namespace, but all that it can signal is
	// below it.
	if signo != 0 {
		sys.Kill(-1, signo)
		sys.Kill(-1, sys.SIGCONT)
	}
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid != 0 && !c.waited && !c.livesAsPort() && signo != 0 && int(c.SignalOnEOF) != signo {
			sys.Kill(int(c.Pid), int(c.SignalOnEOF))
		}
	}
}

// killBelow kills children, their groups, and what else can be found, except
// for children that run this program, if they are spared: they have more to
// kill themselves.
func (p *Process) killBelow(sparing bool) {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 || c.waited || sparing && c.livesAsPort() {
			continue
		}
		sys.Kill(-int(c.Pid), sys.SIGKILL)
		sys.Kill(int(c.Pid), sys.SIGKILL)
	}
	if p.locked {
		return
	}
	w := p.newWalk(sys.SIGKILL, p.in.b)
	if sparing {
		w.spare = sparePorts
	}
	w.untilTwoLooksAgree()
}

// discardOutput reads what children write, so that none waits for a reader
// while it ends.
func (p *Process) discardOutput() {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid != 0 {
			p.discard(&c.outlet)
		}
	}
	for i := range p.leftovers.slots {
		if l := &p.leftovers.slots[i]; l.Pid != 0 {
			p.discard(&l.outlet)
		}
	}
}

func (p *Process) discard(o *outlet) {
	for _, fd := range [...]int32{o.Stdout, o.Stderr} {
		for n := 0; fd >= 0 && n < mostDiscarded; n++ {
			if got, err := sys.Read(int(fd), p.in.b); err != 0 || got == 0 {
				break
			}
		}
	}
}

// SignalBelow sends a signal to every process below this one; signal 0 is sent to none.
// SIGSTOP and SIGKILL are sent again until two looks agree. Children that run this
// program get no signal but SIGKILL: the end of their input asks them. It reports
// false where processes below cannot be found, and works in memory.
func (p *Process) SignalBelow(signo int, memory []byte) bool {
	if p.Pid == 1 {
		err := sys.Kill(-1, signo)
		if err == 0 && !signal.Halts(signo) {
			sys.Kill(-1, sys.SIGCONT)
		}
		return err == 0 || err == sys.ESRCH
	}
	w := p.newWalk(signo, memory)
	if signo != sys.SIGKILL {
		w.spare = sparePorts
	}
	if signal.Halts(signo) {
		return w.untilTwoLooksAgree()
	}
	return w.look()
}

// signalChildren signals programs when the input of this process has ended.
// Each gets the signal that was set for it, its process group if it leads one,
// and is continued so that it takes notice. Children that run this program see
// the end of their own input; they only need to be running.
func (p *Process) signalChildren() {
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 || c.waited {
			continue // a pid that was reaped may be somebody else's
		}
		pid := int(c.Pid)
		if !c.LeftPort() {
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
