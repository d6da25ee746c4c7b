package port

import "github.com/alcove-go/alcove/port/sys"

// A key says whose descriptor is polled: the slot times four, plus the stream.
// Keys order the list, so that children are served slot by slot, and of one
// child the control socket first: what it says decides how its output is read.
type key int32

const (
	keyControl = iota
	keyStdout
	keyStderr
	keyStdin

	keyInbound = key(-2) // descriptor 0
	keySignal  = key(-1) // descriptor 3
)

func keyOf(c *Child, stream int) key { return key(c.slot)<<2 | key(stream) }

// pollset is the list of descriptors to wait for, kept sorted by key.
type pollset struct {
	fds   []sys.PollFD
	keys  []key
	ready []key // what the last wait found, in order
}

func (s *pollset) reset() {
	s.fds, s.keys, s.ready = s.fds[:0], s.keys[:0], s.ready[:0]
}

// search returns the place of k, or where it would be.
func (s *pollset) search(k key) int {
	low, high := 0, len(s.keys)
	for low < high {
		mid := int(uint(low+high) >> 1)
		if s.keys[mid] < k {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

// watch waits for events on fd under k, instead of what was waited for before.
func (s *pollset) watch(k key, fd int32, events int16) {
	i := s.search(k)
	if i == len(s.keys) || s.keys[i] != k {
		s.fds = append(s.fds, sys.PollFD{})
		s.keys = append(s.keys, 0)
		copy(s.fds[i+1:], s.fds[i:])
		copy(s.keys[i+1:], s.keys[i:])
	}
	s.fds[i] = sys.PollFD{FD: fd, Events: events}
	s.keys[i] = k
}

// forget no longer waits for k, if it was waited for.
func (s *pollset) forget(k key) {
	i := s.search(k)
	if i == len(s.keys) || s.keys[i] != k {
		return
	}
	s.fds = append(s.fds[:i], s.fds[i+1:]...)
	s.keys = append(s.keys[:i], s.keys[i+1:]...)
}

// wait blocks until something is ready and lists it in ready.
func (s *pollset) wait() sys.Errno {
	s.ready = s.ready[:0]
	n, err := sys.Poll(s.fds, -1)
	if err != 0 {
		return err
	}
	for i := 0; i < len(s.fds) && n > 0; i++ {
		if s.fds[i].Revents != 0 {
			s.ready = append(s.ready, s.keys[i])
			n--
		}
	}
	return 0
}
