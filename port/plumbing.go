// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// plumbing is what lies between a child and its parent. Of each pair the first
// end is read from, and of the socket the child has the first. The order in
// which they are made shows in the numbers that cpid lists.
type plumbing struct {
	control, in, out, err [2]int32
}

// open makes the pairs, all above the fixed descriptors, or none.
func (s *plumbing) open(locked bool) sys.Errno {
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
		err = s.unblock(locked)
	}
	if err != 0 {
		s.close(0)
		s.close(1)
	}
	return err
}

// unblock makes the parent's ends non-blocking: no child may hold up the loop.
// Where a filter may be in force it looks whether they are.
func (s *plumbing) unblock(locked bool) sys.Errno {
	for _, fd := range [...]int32{s.control[1], s.in[1], s.out[0], s.err[0]} {
		n, err := sys.Fcntl(int(fd), sys.F_SETFL, sys.O_NONBLOCK)
		if err == 0 && n != 0 {
			err = sys.ESKIPPED
		}
		if err == 0 && locked {
			n, err = sys.Fcntl(int(fd), sys.F_GETFL, 0)
			if err == 0 && n&sys.O_NONBLOCK == 0 {
				err = sys.ESKIPPED
			}
		}
		if err != 0 {
			return err
		}
	}
	return 0
}

const (
	childSide  = 0
	parentSide = 1
)

// close closes the ends of one side.
func (s *plumbing) close(side int) {
	closeOpen(s.control[side], s.in[side], s.out[1-side], s.err[1-side])
}

// alone reports whether nobody has the child's end of the control socket: a
// filter had the kernel skip the fork, and the pid is not that of a child.
func (s *plumbing) alone() bool {
	polled := sys.PollNow(s.control[parentSide], sys.POLLIN)
	return polled.Revents&sys.POLLHUP != 0
}

// install puts the child's ends in their places.
func (s *plumbing) install() sys.Errno {
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
		{s.control[0], controlFD, sys.O_CLOEXEC},
	} {
		if err := sys.Dup3(int(d.from), d.to, d.flags); err != 0 {
			return err
		}
	}
	s.close(childSide)
	return 0
}
