package port

import "github.com/alcove-go/alcove/port/sys"

// The list of descriptors to wait for has a fixed order, in which they are
// served as well: input, signals, then child by child in slot order, and of
// one child the control socket first, since what it says decides how the
// child's output is read. What is not waited for has the number -1.
const (
	placeInput = iota
	placeSignal
	placeChildren
)

const (
	streamControl = iota
	streamStdout
	streamStderr
	streamStdin
	streams
)

type pollset struct {
	fds []sys.PollFD
}

// room makes room for n children.
func (s *pollset) room(n int) {
	for len(s.fds) < placeChildren+n*streams {
		s.fds = append(s.fds, sys.PollFD{FD: -1})
	}
}

// reset leaves room for no children, and nothing ready.
func (s *pollset) reset() {
	s.fds = append(s.fds[:0], sys.PollFD{FD: stdin, Events: sys.PollIn},
		sys.PollFD{FD: signalRead, Events: sys.PollIn})
}

func placeOf(c *Child, stream int) int { return placeChildren + int(c.slot)*streams + stream }

// watch waits for events on a stream of a child, instead of what was waited
// for before.
func (p *Process) watch(c *Child, stream int, fd int32, events int16) {
	p.poll.fds[placeOf(c, stream)] = sys.PollFD{FD: fd, Events: events}
}

// forget does not wait for a stream any more.
func (p *Process) forget(c *Child, stream int) {
	p.poll.fds[placeOf(c, stream)] = sys.PollFD{FD: -1}
}
