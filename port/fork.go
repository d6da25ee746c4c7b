package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// firstFree is the lowest descriptor that is not one of the fixed ones.
const firstFree = 6

// LastFixed is the last of the fixed descriptors.
const LastFixed = firstFree - 1

// stdio is the plumbing between a child and its parent. Of each pair the first
// end is read from, and of the socket the child has the first. The order in
// which they are made shows in the numbers that cpid lists.
type stdio struct {
	control, in, out, err [2]int32
}

// open makes the pairs, all above the fixed descriptors, or none.
func (s *stdio) open() sys.Errno {
	none := [2]int32{-1, -1}
	s.control, s.in, s.out, s.err = none, none, none, none
	err := sys.Socketpair(&s.control, sys.SOCK_STREAM|sys.SOCK_CLOEXEC)
	if err == 0 {
		err = lift(&s.control)
	}
	for _, p := range [...]*[2]int32{&s.in, &s.out, &s.err} {
		if err == 0 {
			err = sys.Pipe2(p, sys.O_CLOEXEC)
		}
		if err == 0 {
			err = lift(p)
		}
	}
	if err == 0 {
		err = s.unblock()
	}
	if err != 0 {
		s.close(0)
		s.close(1)
	}
	return err
}

// unblock makes the parent's ends non-blocking: no child may hold up the loop.
func (s *stdio) unblock() sys.Errno {
	for _, fd := range [...]int32{s.control[1], s.in[1], s.out[0], s.err[0]} {
		n, err := sys.Fcntl(int(fd), sys.F_SETFL, sys.O_NONBLOCK)
		if err == 0 && n != 0 {
			err = sys.ESKIPPED
		}
		if err != 0 {
			return err
		}
	}
	return 0
}

// lift moves a pair above the fixed descriptors, some of which may have been
// closed by the user. On failure what there is stays in p.
func lift(p *[2]int32) sys.Errno {
	for i, fd := range p {
		if fd >= firstFree {
			continue
		}
		n, err := sys.DupAbove(int(fd), firstFree, true)
		if err == sys.EINVAL { // firstFree is beyond the limit
			err = sys.EMFILE
		}
		if err != 0 {
			return err
		}
		sys.Close(int(fd))
		p[i] = int32(n)
	}
	return 0
}

const (
	childSide  = 0
	parentSide = 1
)

// close closes the ends of one side.
func (s *stdio) close(side int) {
	for _, fd := range [...]int32{s.control[side], s.in[side], s.out[1-side], s.err[1-side]} {
		if fd >= 0 {
			sys.Close(int(fd))
		}
	}
}

// alone reports whether nobody has the child's end of the control socket: a
// filter had the kernel skip the fork, and the pid is not that of a child.
func (s *stdio) alone() bool {
	at := [1]sys.PollFD{{FD: s.control[parentSide], Events: sys.POLLIN}}
	n, err := sys.Poll(at[:], 0)
	return err == 0 && n > 0 && at[0].Revents&sys.POLLHUP != 0
}

// MayFork returns EAGAIN when the process is too deep in the tree or has as
// many children as it may have.
func (p *Process) MayFork() sys.Errno {
	if p.Depth >= int(p.Options.MaxForkDepth) || p.table.live >= int(p.Options.MaxChild) {
		return sys.EAGAIN
	}
	return 0
}

// Fork is fork(2), or clone(2) with namespaces when flags are not 0, and ties
// the child to this process. It returns the pid of the child, 0 in the child
// itself, which is then a process without children and without input. flags
// must not share memory, descriptors or signal handlers.
func (p *Process) Fork(flags uintptr) (pid int32, err sys.Errno) {
	var s stdio
	if !p.roomForChild() {
		return 0, sys.ENOMEM
	}
	if err := p.openStdio(&s); err != 0 {
		return 0, err
	}
	// A signal between the fork and the child's own signal pipe would be
	// reported by the parent as its own.
	all := sys.EverySignalButSIGSYS()
	var old sys.Sigset
	sys.Sigprocmask(sys.SIG_BLOCK, &all, &old)
	var self int32
	n, err := sys.Clone(flags, &self)
	if err == 0 && n == 0 {
		held := signal.Held()
		p.Pid = int(self)
		p.becomeChild(&s)
		sys.Sigprocmask(sys.SIG_SETMASK, &old, nil)
		signal.Release(held)
		return 0, 0
	}
	sys.Sigprocmask(sys.SIG_SETMASK, &old, nil)
	s.close(childSide)
	if err == 0 && p.locked && s.alone() {
		err = sys.ESKIPPED
	}
	if err != 0 {
		s.close(parentSide)
		return 0, err
	}
	p.adopt(int32(n), &s)
	return int32(n), 0
}

// roomForChild gets the memory for one more child, and for what it may leave.
func (p *Process) roomForChild() bool {
	most := len(p.leftovers.slots) + p.table.live + 1
	return p.table.room() && p.leftovers.room(most) && p.poll.reserve(len(p.table.slots)+1, most)
}

// openStdio opens the plumbing of a child. When descriptors are short, leftovers
// make room, the oldest first.
func (p *Process) openStdio(s *stdio) sys.Errno {
	for {
		err := s.open()
		if err != sys.EMFILE || !p.closeOldest() {
			return err
		}
	}
}

// adopt makes the process that was forked a child. Whoever had its pid before
// is gone, and speaks no more.
func (p *Process) adopt(pid int32, s *stdio) {
	p.silence(pid)
	c := p.table.add(pid)
	p.poll.room(len(p.table.slots))
	if p.table.live >= manyChildren && !p.locked {
		p.poll.useMany()
	}
	c.FlowControl, c.FlowBytes = p.Options.FlowControl, p.Options.FlowBytes
	c.SignalOnEOF = p.Options.SignalOnEOF
	c.Control, c.Stdin, c.Stdout, c.Stderr = s.control[1], s.in[1], s.out[0], s.err[0]
	p.watchControl(c)
	p.watchOutput(&c.outlet)
}

// becomeChild makes the forked process one of its own.
func (p *Process) becomeChild(s *stdio) {
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
	p.forks++
	p.parent, p.below = true, true
	p.subreaper = false
	p.kept = [firstFree]bool{}
	p.filter = p.subFilter
	p.table.reset()
	p.leftovers.reset()
	p.in.reset()
	p.poll.dropMany()
	p.poll.reset()
	p.watchHangUp()
}

// install puts the child's ends in their places.
func (s *stdio) install() sys.Errno {
	if err := openSignalPipe(); err != 0 {
		return err
	}
	for _, d := range [...]struct {
		from  int32
		to    int
		flags int
	}{
		{s.in[0], stdin, 0},
		{s.out[1], stdout, 0},
		{s.err[1], stderr, 0},
		{s.control[0], control, sys.O_CLOEXEC},
	} {
		if err := sys.Dup3(int(d.from), d.to, d.flags); err != 0 {
			return err
		}
	}
	s.close(childSide)
	return 0
}

// openSignalPipe makes a new signal pipe on its fixed descriptors.
func openSignalPipe() sys.Errno {
	sys.Close(signalRead)
	sys.Close(signalWrite)
	var pair [2]int32
	if err := sys.Pipe2(&pair, sys.O_CLOEXEC|sys.O_NONBLOCK); err != 0 {
		return err
	}
	if pair == [2]int32{signalRead, signalWrite} {
		return 0
	}
	// A lower descriptor is free. The ends may be on each other's places.
	err := lift(&pair)
	if err == 0 {
		err = sys.Dup3(int(pair[0]), signalRead, sys.O_CLOEXEC)
	}
	if err == 0 {
		err = sys.Dup3(int(pair[1]), signalWrite, sys.O_CLOEXEC)
	}
	closePair(&pair)
	return err
}

// closeSiblings closes the parent's descriptors of its other children. They
// can be thousands, mostly in a row.
func (p *Process) closeSiblings() {
	marks := p.out.arena // nothing is in it
	clear(marks[:p.markSiblings(nil)/8+1])
	n := p.markSiblings(marks)
	closeMarked(marks[:n/8+1])
}

// markSiblings sets the bits of the children's descriptors in marks and
// returns the highest of them. What has no room in marks is closed.
func (p *Process) markSiblings(marks []byte) int {
	highest := 0
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 {
			continue
		}
		for _, fd := range [...]int32{c.Control, c.Stdin, c.Stdout, c.Stderr, c.closing} {
			highest = max(highest, p.markSibling(marks, fd))
		}
	}
	for i := range p.leftovers.slots {
		if l := &p.leftovers.slots[i]; l.Pid != 0 {
			highest = max(highest, p.markSibling(marks, l.Stdout), p.markSibling(marks, l.Stderr))
		}
	}
	return highest
}

func (p *Process) markSibling(marks []byte, fd int32) int {
	switch {
	case fd < 0:
		return 0
	case int(fd) >= 8*len(p.out.arena):
		sys.Close(int(fd))
		return 0
	}
	if marks != nil {
		marks[fd>>3] |= 1 << (fd & 7)
	}
	return int(fd)
}
