package port

import "github.com/alcove-go/alcove/port/sys"

// The list of descriptors to wait for has a fixed order, in which they are
// served as well: input, signals, then child by child in slot order, and of
// one child the control socket first, since what it says decides how the
// child's output is read. What is not waited for has the number -1.
const (
	placeInput = iota
	placeSignal
	placeMany // stands for all children when they are many
	placeChildren
)

const (
	streamControl = iota
	streamStdout
	streamStderr
	streamStdin
	streams
)

// pollset waits with poll(2), whose cost grows with the number of descriptors
// and which every seccomp filter that was made for this protocol allows. A
// process with many children, and without a filter of its own, has an epoll(7)
// instance watch them and polls that, where there is epoll.
type pollset struct {
	fds []sys.PollFD
	manyEvents
}

// manyChildren is from how many on epoll pays.
const manyChildren = 16

// room makes room for n children.
func (s *pollset) room(n int) bool {
	size := placeChildren + n*streams
	fds, ok := sys.Grow(s.fds, size)
	if !ok {
		return false
	}
	s.fds = fds
	for len(s.fds) < size {
		s.fds = s.fds[:len(s.fds)+1]
		s.fds[len(s.fds)-1] = sys.PollFD{FD: -1}
	}
	return true
}

// trim takes away the room for more than n children.
func (s *pollset) trim(n int) { s.fds = s.fds[:min(len(s.fds), placeChildren+n*streams)] }

// move moves what is waited for of one slot to another, free one.
func (s *pollset) move(from, to int) {
	for stream := range streams {
		a, b := placeChildren+from*streams+stream, placeChildren+to*streams+stream
		s.fds[a], s.fds[b] = sys.PollFD{FD: -1}, s.fds[a]
		if s.fds[b].FD >= 0 {
			s.control(watchOther, b)
		}
	}
}

// reset leaves room for no children, and nothing ready.
func (s *pollset) reset() {
	s.fds = s.fds[:placeChildren]
	s.fds[placeInput] = sys.PollFD{FD: stdin, Events: sys.POLLIN}
	s.fds[placeSignal] = sys.PollFD{FD: signalRead, Events: sys.POLLIN}
	s.fds[placeMany] = sys.PollFD{FD: -1}
}

func placeOf(c *Child, stream int) int { return placeChildren + int(c.slot)*streams + stream }

// watch waits for events on a stream of a child, instead of what was waited
// for before.
func (p *Process) watch(c *Child, stream int, fd int32, events int16) {
	place := placeOf(c, stream)
	old := &p.poll.fds[place]
	if old.FD == fd && old.Events == events {
		return
	}
	op := watchOther
	if old.FD != fd {
		p.forget(c, stream)
		op = watchNew
	}
	*old = sys.PollFD{FD: fd, Events: events}
	p.poll.control(op, place)
}

// forget does not wait for a stream any more. It must come before the stream
// is closed.
func (p *Process) forget(c *Child, stream int) {
	place := placeOf(c, stream)
	if p.poll.fds[place].FD >= 0 {
		p.poll.control(watchNone, place)
		p.poll.fds[place] = sys.PollFD{FD: -1}
	}
}

// wait blocks until something is ready and returns how many entries of fds
// are.
func (s *pollset) wait() (int, sys.Errno) {
	if s.fds[placeMany].FD >= 0 {
		return sys.Poll(s.fds[:placeChildren], -1)
	}
	return sys.Poll(s.fds, -1)
}
