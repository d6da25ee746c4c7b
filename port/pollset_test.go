//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// ready returns the places that are ready, in the order in which they are
// served.
func (s *pollset) ready(t *testing.T) []int {
	t.Helper()
	places := []int{}
	if s.fds[placeMany].FD >= 0 {
		for _, e := range s.readyMany() {
			places = append(places, s.place(e.Fd))
		}
		return places
	}
	pollNow(t, s.fds)
	for place, fd := range s.fds {
		if fd.Revents != 0 {
			places = append(places, place)
		}
	}
	return places
}

// socketPair returns a socket and its other end.
func socketPair(t *testing.T) (fd, other int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pair[0]); unix.Close(pair[1]) })
	return pair[0], pair[1]
}

// Whatever is watched and forgotten, the places that the list and epoll find ready are
// those that poll(2) finds when it is given just what is to be watched. Half way one more
// child moves the places of leftovers.
func TestWhatIsWatchedIsFoundReadyByTheListAndByEpoll(t *testing.T) {
	const children, leftovers, steps = 4, 2, 3000 // no more are ready than epoll tells at once
	list, epoll := newFixture(t), newFixture(t)
	for _, f := range []*fixture{list, epoll} {
		defer f.leftovers.reset(nil) // no stream of theirs is open
		f.Options.MaxChild = children + 1
		for n := range int32(children) {
			f.addClosed(childPid + n)
		}
		for range leftovers {
			f.addLeftover(&outlet{Pid: childPid, Stdout: -1, Stderr: -1})
		}
	}
	var model pollset
	var sockets [][2]struct{ fd, other int } // two to choose from at each place
	insert := func(at, n int) {
		for range n {
			model.fds = slices.Insert(model.fds, at, sys.PollFD{FD: -1})
			s := [2]struct{ fd, other int }{}
			for i := range s {
				s[i].fd, s[i].other = socketPair(t)
			}
			sockets = slices.Insert(sockets, at, s)
		}
	}
	insert(0, placeChildren+children*streams+leftovers*leftStreams)
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	for step := range steps {
		switch step {
		case steps / 10:
			epoll.poll.useMany()
		case steps / 2:
			insert(placeChildren+children*streams, streams)
			list.addClosed(childPid + children)
			epoll.addClosed(childPid + children)
		}
		place := placeChildren + random.IntN(len(sockets)-placeChildren)
		s := sockets[place][random.IntN(2)]
		fd := sys.PollFD{FD: int32(s.fd), Events: [...]int16{sys.POLLIN, sys.POLLOUT, sys.POLLIN | sys.POLLOUT, 0}[random.IntN(4)]}
		switch random.IntN(4) {
		case 0:
			unix.Write(s.other, []byte("x"))
		case 1:
			unix.Read(s.fd, make([]byte, 100))
		case 2:
			model.fds[place] = fd
			for _, f := range []*fixture{list, epoll} {
				o, stream := f.at(place)
				f.pollFor(o, stream, fd.FD, fd.Events)
			}
		case 3:
			model.fds[place].FD = -1
			for _, f := range []*fixture{list, epoll} {
				f.forget(f.at(place))
			}
		}
		want := model.ready(t)
		if diff := cmp.Diff(want, list.poll.ready(t)); diff != "" {
			t.Fatalf("ready in the list in step %d (-want +got):\n%s", step, diff)
		}
		if diff := cmp.Diff(want, epoll.poll.ready(t)); diff != "" {
			t.Fatalf("ready by epoll in step %d (-want +got):\n%s", step, diff)
		}
		found += len(want)
	}
	if found < steps {
		t.Errorf("%d places were ready in %d steps: too few to compare", found, steps)
	}
}

// at returns what a place is that of.
func (f *fixture) at(place int) (o *outlet, stream int) {
	if place >= f.poll.left {
		place -= f.poll.left
		return &f.leftovers.slots[place/leftStreams].outlet, streamStdout + place%leftStreams
	}
	place -= placeChildren
	return &f.table.slots[place/streams].outlet, place % streams
}

// As many children as make epoll pay are watched by it, unless a seccomp filter may
// not allow that.
func TestManyChildrenAreWatchedByEpollUnlessThereMayBeAFilter(t *testing.T) {
	for _, locked := range []bool{false, true} {
		f := newFixture(t)
		f.locked = locked
		for n := 1; n <= manyChildren; n++ {
			f.adopt(childPid + n)
			want := n >= manyChildren && !locked
			if got := f.poll.fds[placeMany].FD >= 0; got != want {
				t.Errorf("%d children, locked %t: watched by epoll: %t, want %t", n, locked, got, want)
			}
		}
	}
}

func TestEveryOneOfManyChildrenIsServed(t *testing.T) {
	f := newFixture(t)
	const many = 3 * manyChildren // more than epoll tells at once
	var want string
	var children []*testChild
	for n := range many {
		children = append(children, f.adopt(childPid+n))
		want += proxyFrame(childPid+n, eventFrame("x"))
	}
	for _, c := range children {
		c.write(c.out, eventFrame("x"))
	}
	f.rounds()
	f.wantWritten(want)
}

// stays fails the test if fd is not open at its end.
func stays(t *testing.T, fd int) {
	t.Cleanup(func() {
		if !isOpen(fd) {
			t.Errorf("descriptor %d was closed", fd)
		}
	})
}

// Whatever happens to the descriptor of epoll, the children are served, from the list.
func TestChildrenAreServedWhenEpollFails(t *testing.T) {
	const children = manyChildren + 1
	for _, test := range []struct {
		name string
		fail func(t *testing.T, f *fixture, fd int)
	}{
		{"closed by a call", func(t *testing.T, f *fixture, fd int) {
			if err := f.Close(fd); err != 0 {
				t.Errorf("close: %v", err)
			}
			if err := f.Close(fd); err != sys.EBADF {
				t.Errorf("close once more: %v", err)
			}
		}},
		{"closed by something else", func(t *testing.T, f *fixture, fd int) { f.shut(fd) }},
		{"another file, found when nothing is to be watched anew", func(t *testing.T, f *fixture, fd int) { openAt(t, fd); stays(t, fd) }},
		{"another file, found when a child is forked", func(t *testing.T, f *fixture, fd int) {
			openAt(t, fd)
			stays(t, fd)
			f.adopt(childPid + children)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			var last *testChild
			for n := range children {
				last = f.adopt(childPid + n)
			}
			test.fail(t, f, int(f.poll.fds[placeMany].FD))
			last.write(last.out, eventFrame("x"))
			f.rounds()
			f.wantWritten(proxyFrame(int(last.pid), eventFrame("x")))
			f.adopt(childPid + children + 1)
			if f.poll.fds[placeMany].FD >= 0 {
				t.Error("epoll is tried again")
			}
			last.close(&last.control)
			f.rounds()
			f.wantWritten(ctlFrame(int(last.pid), "fdctl_closed"))
		})
	}
}
