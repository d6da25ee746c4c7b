// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// maxWatches is how many descriptors a process may watch for its owner.
const maxWatches = 16

// Watch has the process send one event when one of the poll events happens on fd, or
// one that poll(2) always reports. It replaces an earlier Watch of fd; without events
// it only ends that. ENOSPC means that maxWatches descriptors are watched already.
//
// The descriptors are in the list of poll(2), before all others, so that nothing
// changes for a process that watches none. Watching makes no system call that a
// filter could refuse: a descriptor that is not open is an event as well.
func (p *Process) Watch(fd int32, events int16) sys.Errno {
	if fd < 0 {
		return sys.EBADF
	}
	free := -1
	for place := placeInput - 1; place >= 0; place-- {
		switch p.poll.fds[place].FD {
		case fd:
			p.poll.setWatch(place, fd, events)
			return 0
		case -1:
			if free < 0 {
				free = place
			}
		}
	}
	switch {
	case events == 0:
		return 0
	case free < 0:
		return sys.ENOSPC
	}
	p.poll.setWatch(free, fd, events)
	return 0
}

// setWatch waits for events of fd at one of the first places, or no more if there
// are none.
func (s *pollset) setWatch(place int, fd int32, events int16) {
	s.fds[place] = sys.PollFD{FD: fd, Events: events}
	if events == 0 {
		s.fds[place] = sys.PollFD{FD: -1}
	}
	s.first = 0
	for s.first < placeInput && s.fds[s.first].FD < 0 {
		s.first++
	}
}

// tellReady sends the event of a descriptor that is watched:
//
//	{ready, FD, [readable | writable | hangup | error | closed]}
func (p *Process) tellReady(place int) {
	fd := p.poll.fds[place]
	p.poll.setWatch(place, -1, 0)
	e := p.openFrame(typeEvent)
	e.Tuple(3)
	e.Atom("ready")
	e.Int(int64(fd.FD))
	for _, r := range [...]struct {
		event int16
		name  string
	}{
		{sys.POLLIN, "readable"}, {sys.POLLOUT, "writable"}, {sys.POLLHUP, "hangup"}, {sys.POLLERR, "error"},
		{sys.POLLNVAL, "closed"},
	} {
		if fd.Revents&r.event != 0 {
			e.List(1)
			e.Atom(r.name)
		}
	}
	e.Nil()
	p.closeFrame()
}
