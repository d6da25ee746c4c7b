package port

import (
	"math/rand/v2"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// ready returns the places of children that are ready, in the order in which they are
// served.
func (s *pollset) ready(t *testing.T) []int {
	t.Helper()
	places := []int{}
	if s.fds[placeMany].FD >= 0 {
		for _, e := range s.readyMany() {
			places = append(places, int(e.Fd))
		}
		return places
	}
	if _, err := sys.Poll(s.fds, 0); err != 0 {
		t.Fatal(err)
	}
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

// Two processes with the same children, of which one has epoll watch them, find the
// same ready whatever they watch and forget.
func TestEpollAndTheListFindTheSameReady(t *testing.T) {
	const children, steps = 5, 1000 // no more are ready than epoll tells at once
	list, epoll := newFixture(t), newFixture(t)
	var sockets [children][streams]struct{ fd, other int }
	for i := range sockets {
		list.addClosed(childPid + int32(i))
		epoll.addClosed(childPid + int32(i))
		for j := range sockets[i] {
			s := &sockets[i][j]
			s.fd, s.other = socketPair(t)
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	found := 0
	for step := range steps {
		if step == steps/10 {
			epoll.poll.useMany()
		}
		slot, stream := random.IntN(children), random.IntN(streams)
		s := sockets[slot][stream]
		each := func(do func(f *fixture, c *Child)) {
			for _, f := range []*fixture{list, epoll} {
				do(f, &f.table.slots[slot])
			}
		}
		switch random.IntN(4) {
		case 0:
			unix.Write(s.other, []byte("x"))
		case 1:
			unix.Read(s.fd, make([]byte, 100))
		case 2:
			events := [...]int16{sys.POLLIN, sys.POLLOUT, sys.POLLIN | sys.POLLOUT, 0}[random.IntN(4)]
			each(func(f *fixture, c *Child) { f.watch(c, stream, int32(s.fd), events) })
		case 3:
			each(func(f *fixture, c *Child) { f.forget(c, stream) })
		}
		want := list.poll.ready(t)
		if diff := cmp.Diff(want, epoll.poll.ready(t)); diff != "" {
			t.Fatalf("places ready in step %d (-list +epoll):\n%s", step, diff)
		}
		found += len(want)
	}
	if found < steps {
		t.Errorf("%d places were ready in %d steps: too few to compare", found, steps)
	}
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
