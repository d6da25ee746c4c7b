// SPDX-License-Identifier: ISC

package port

import (
	"syscall"

	"github.com/alcove-go/alcove/port/sys"
)

// Operations of update.
const (
	opAdd    = sys.EPOLL_CTL_ADD
	opChange = sys.EPOLL_CTL_MOD
	opRemove = sys.EPOLL_CTL_DEL
)

type manyEvents struct {
	events   [32]syscall.EpollEvent
	listOnly bool // epoll has failed
}

// update tells the epoll instance, if there is one, what became of a place.
// When that fails, for want of memory or because the descriptor is no longer
// that of the instance, the list serves instead, which needs no other.
func (s *pollset) update(op, place int) {
	if many := s.fds[placeMany].FD; many >= 0 {
		fd := s.fds[place]
		e := syscall.EpollEvent{Events: uint32(fd.Events), Fd: s.key(place)}
		if err := sys.EpollCtl(int(many), op, int(fd.FD), &e); err != 0 {
			s.giveUpMany(err)
		}
	}
}

// leftKeys is where the keys of leftovers begin, above those of children. The
// place of a child is its key; those of leftovers move with the number of
// children, and epoll is not to be told each time.
const leftKeys = 1 << 24

func (s *pollset) key(place int) int32 {
	if place >= s.left {
		place += leftKeys - s.left
	}
	return int32(place)
}

// place returns the place that has a key now.
func (s *pollset) place(key int32) int {
	if key >= leftKeys {
		return s.left + int(key) - leftKeys
	}
	return int(key)
}

// useMany has epoll watch the children from now on. When it cannot be had they
// stay in the list.
func (s *pollset) useMany() {
	if s.fds[placeMany].FD >= 0 || s.listOnly {
		return
	}
	fd, err := sys.EpollCreate1(sys.EPOLL_CLOEXEC)
	if err != 0 {
		return
	}
	if fd < firstFree {
		sys.Close(fd)
		return
	}
	s.fds[placeMany] = sys.PollFD{FD: int32(fd), Events: sys.POLLIN}
	for place := placeChildren; place < len(s.fds); place++ {
		if s.fds[place].FD >= 0 {
			s.update(opAdd, place)
		}
	}
}

// giveUpMany goes back to the list for good: what failed would fail again. What
// is no epoll instance any more is not closed, since it is somebody else's file.
func (s *pollset) giveUpMany(err sys.Errno) {
	s.listOnly = true
	if err == sys.EBADF || err == sys.EINVAL {
		s.fds[placeMany] = sys.PollFD{FD: -1}
	}
	s.dropMany()
}

// dropMany goes back to the list.
func (s *pollset) dropMany() {
	if many := &s.fds[placeMany]; many.FD >= 0 {
		sys.Close(int(many.FD))
		*many = sys.PollFD{FD: -1}
	}
}

// readyMany asks epoll which children are ready and returns them in the order of
// their places.
func (s *pollset) readyMany() []syscall.EpollEvent {
	n, err := sys.EpollWait(int(s.fds[placeMany].FD), s.events[:], 0)
	if err != 0 && err != sys.EINTR {
		s.giveUpMany(err)
	}
	if err != 0 {
		return nil
	}
	ready := s.events[:n]
	for i := range ready {
		e := ready[i]
		j := i
		for ; j > 0 && ready[j-1].Fd > e.Fd; j-- {
			ready[j] = ready[j-1]
		}
		ready[j] = e
	}
	return ready
}
