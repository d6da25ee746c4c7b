// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// The list of descriptors to wait for has a fixed order, in which they are
// served as well. First comes what is watched for the owner, then input,
// signals, and child by child in slot order. Of one child the control socket
// comes first: what it says decides how the child's output is read. Leftovers
// come last, with two streams each. What is not waited for has the number -1.
const (
	placeInput = maxWatches + iota
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

	leftStreams = 2 // of a leftover: streamStdout and streamStderr
)

// pollset waits with poll(2), whose cost grows with the number of descriptors
// and which every seccomp filter that was made for this protocol allows. A
// process with many children, and without a filter of its own, has an epoll(7)
// instance watch them and polls that, where there is epoll.
type pollset struct {
	fds   []sys.PollFD
	first int // the first place that is in use: those of watches fill up to placeInput
	left  int // the place of the first leftover, behind the children
	manyEvents
}

// manyChildren is the number of children from which on epoll costs less than the list.
const manyChildren = 16

// reserve gets the memory for n children and as many leftovers.
func (s *pollset) reserve(many []sys.PollFD, n, leftovers int) bool {
	fds, ok := sys.GrowInto(many, s.fds, placeChildren+n*streams+leftovers*leftStreams)
	s.fds = fds
	return ok
}

// room makes room for n children. There must be memory.
func (s *pollset) room(n int) {
	if left := placeChildren + n*streams; left > s.left {
		end := len(s.fds)
		s.fds = s.fds[:end+left-s.left]
		copy(s.fds[left:], s.fds[s.left:end])
		for place := s.left; place < left; place++ {
			s.fds[place] = sys.PollFD{FD: -1}
		}
		s.left = left
	}
}

// trim takes away the room for more than n children.
func (s *pollset) trim(n int) {
	if left := placeChildren + n*streams; left < s.left {
		end := left + copy(s.fds[left:], s.fds[s.left:])
		s.fds, s.left = s.fds[:end], left
	}
}

// roomLeft makes room for n leftovers, no more and no less. There must be memory.
func (s *pollset) roomLeft(n int) {
	end := len(s.fds)
	s.fds = s.fds[:s.left+n*leftStreams]
	for ; end < len(s.fds); end++ {
		s.fds[end] = sys.PollFD{FD: -1}
	}
}

// move moves what is waited for at n places from one on to other, free ones.
func (s *pollset) move(from, to, n int) {
	for ; n > 0; n-- {
		s.fds[from], s.fds[to] = sys.PollFD{FD: -1}, s.fds[from]
		if s.fds[to].FD >= 0 {
			s.update(opChange, to)
		}
		from++
		to++
	}
}

// reset leaves room for no children, and nothing ready.
func (s *pollset) reset(input, signals int) {
	s.fds = s.fds[:placeChildren]
	for place := range placeInput {
		s.fds[place] = sys.PollFD{FD: -1}
	}
	s.first = placeInput
	s.fds[placeInput] = sys.PollFD{FD: int32(input), Events: sys.POLLIN}
	s.fds[placeSignal] = sys.PollFD{FD: int32(signals), Events: sys.POLLIN}
	s.fds[placeMany] = sys.PollFD{FD: -1}
	s.left = placeChildren
}

// fixed returns what is waited for beside children and leftovers, and what is watched.
func (s *pollset) fixed() []sys.PollFD {
	if len(s.fds) < placeChildren {
		return nil
	}
	return s.fds[placeInput:placeChildren]
}

func (s *pollset) placeOf(o *outlet, stream int) int {
	if o.leftover {
		return s.left + int(o.slot)*leftStreams + stream - streamStdout
	}
	return placeChildren + int(o.slot)*streams + stream
}

// wait blocks until something is ready and returns how many entries of fds
// are.
func (s *pollset) wait() (int, sys.Errno) {
	if s.fds[placeMany].FD >= 0 {
		return sys.Poll(s.fds[s.first:placeChildren], -1)
	}
	return sys.Poll(s.fds[s.first:], -1)
}
