// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Fork makes fork(2), or clone(2) with namespaces when flags are not 0, and ties
// the child to this process. It returns the pid of the child, 0 in the child
// itself, which is then a process without children and without input. flags
// must not share memory, descriptors or signal handlers.
//
// reply is the reply to the call with the pid as its last four bytes, or empty. Fork may
// have sent it when it returns: then replied is true.
func (p *Process) Fork(flags uintptr, reply []byte) (pid int32, replied bool, err sys.Errno) {
	var s plumbing
	if !p.roomForChild() {
		return 0, false, sys.ENOMEM
	}
	if err := p.openPlumbing(&s); err != 0 {
		return 0, false, err
	}
	early := p.earlyReply(reply)
	// A signal between the fork and the child's own signal pipe would be
	// reported by the parent as its own.
	all := sys.EverySignalButSIGSYS()
	var old sys.Sigset
	sys.Sigprocmask(sys.SIG_BLOCK, &all, &old)
	var self int32
	n, sent, err := sys.CloneReplying(flags, &self, p.out.fd, early)
	if err == 0 && n == 0 {
		held := signal.Held()
		p.Pid = int(self)
		p.becomeChild(&s)
		sys.Sigprocmask(sys.SIG_SETMASK, &old, nil)
		signal.Release(held)
		return 0, false, 0
	}
	sys.Sigprocmask(sys.SIG_SETMASK, &old, nil)
	s.close(childSide)
	if err == 0 && p.locked && s.alone() {
		err = sys.ESKIPPED
	}
	if err != 0 {
		s.close(parentSide)
		return 0, false, err
	}
	if sent >= 0 {
		p.out.sent(early, sent)
	}
	p.adopt(int32(n), &s)
	return int32(n), sent >= 0, 0
}

// earlySize is enough for the frame of a reply to a fork.
const earlySize = 64

// earlyReply returns the frame of a reply, in memory that a child does not share. It is
// empty when the reply has to wait, for output that comes first or for the trace, and
// where a filter may be in force.
func (p *Process) earlyReply(reply []byte) []byte {
	size := headerSize + len(reply)
	if len(reply) == 0 || size > len(p.early) || p.locked || p.trace != nil || !p.out.empty() {
		return nil
	}
	putCall(p.early, len(reply))
	copy(p.early[headerSize:], reply)
	return p.early[:size]
}

// roomForChild gets the memory for one more child, and for what it may leave.
func (p *Process) roomForChild() bool {
	most := len(p.leftovers.slots) + p.table.live + 1
	return p.table.room(p.spare[0].slots[:]) && p.leftovers.room(p.spare[0].leftovers[:], most) &&
		p.poll.reserve(p.spare[0].fds[:], len(p.table.slots)+1, most)
}

// openPlumbing opens the plumbing of a child. When descriptors are short, leftovers
// make room, the oldest first.
func (p *Process) openPlumbing(s *plumbing) sys.Errno {
	for {
		err := s.open(p.locked)
		if err != sys.EMFILE || !p.closeOldest() {
			return err
		}
	}
}

// adopt makes the process that was forked a child. An earlier process with its pid is
// gone: nothing is delivered in its name any more.
func (p *Process) adopt(pid int32, s *plumbing) {
	p.evict(pid)
	c := p.table.add(pid)
	p.poll.room(len(p.table.slots))
	if p.table.live >= manyChildren && !p.locked {
		p.poll.useMany()
	}
	c.FlowControl, c.FlowBytes = p.Options.FlowControl, p.Options.FlowBytes
	c.SignalOnEOF = p.Options.SignalOnEOF
	c.Control, c.Stdin, c.Stdout, c.Stderr = s.control[1], s.in[1], s.out[0], s.err[0]
	p.pollControl(c)
	p.pollOutput(&c.outlet)
}

// becomeChild turns the copy of the parent into a process of its own.
func (p *Process) becomeChild(s *plumbing) {
	p.out.clear()
	p.out.wrote = 0
	// First, so that descriptors are free for what follows.
	s.close(parentSide)
	p.closeSiblings()
	if err := s.install(); err != 0 {
		sys.Exit(int(err))
	}
	signal.ResetOverflow()
	p.Depth++
	p.generation++
	p.notifies, p.forked = true, true
	p.subreaper = false
	p.controlKept = false
	p.filter = p.subFilter
	p.in.reset()
	p.poll.dropMany()
	p.resetTables()
	p.askForSIGIO()
}

// closeSiblings closes the parent's descriptors of its other children, each with a call
// of its own: filters that allow close(2) may not know close_range(2).
func (p *Process) closeSiblings() {
	for i := range p.table.slots {
		if c := &p.table.slots[i]; c.Pid != 0 {
			closeOpen(c.Control, c.Stdin, c.Stdout, c.Stderr, c.closing)
		}
	}
	for i := range p.leftovers.slots {
		if l := &p.leftovers.slots[i]; l.Pid != 0 {
			closeOpen(l.Stdout, l.Stderr)
		}
	}
}
