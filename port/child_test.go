//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
)

// listed returns the pids of the slots, 0 for one that is not to be listed.
func (p *Process) listed() []int32 {
	pids := []int32{}
	for i := range p.Slots() {
		var pid int32
		if c := p.Slot(i); c != nil {
			pid = c.Pid
		}
		pids = append(pids, pid)
	}
	return pids
}

// addClosed adds a child without an open stream.
func (p *Process) addClosed(pid int32) *Child {
	mustBeNobody(pid)
	if !p.roomForChild() {
		panic("no memory for a child")
	}
	c := p.table.add(pid)
	p.poll.room(len(p.table.slots))
	c.state = portEnded
	c.Control, c.Stdin, c.Stdout, c.Stderr = -1, -1, -1, -1
	return c
}

// reaped makes it a child that has ended.
func (p *Process) reaped(c *Child) {
	p.retire(c)
	p.sweep()
}

func TestSlotsAreReusedFromTheLowest(t *testing.T) {
	p := newFixture(t)
	random := rand.New(rand.NewPCG(1, 2))
	want := []int32{} // the pid in each slot
	live := 0
	for step := range int32(3000) {
		pid := childPid + step
		if step%1000 < 700 || live == 0 { // then they become fewer
			free := slices.Index(want, 0)
			if free < 0 {
				free, want = len(want), append(want, 0)
			}
			want[free] = pid
			p.addClosed(pid)
			live++
		}
		if random.IntN(2) == 0 || step%1000 >= 700 {
			slot := random.IntN(len(want))
			if c := p.Slot(slot); c != nil {
				p.reaped(c)
				want[slot] = 0
				live--
			}
			for len(want) > 0 && want[len(want)-1] == 0 {
				want = want[:len(want)-1]
			}
		}
		if diff := cmp.Diff(want, p.listed()); diff != "" {
			t.Fatalf("slots in step %d (-want +got):\n%s", step, diff)
		}
		if p.table.live != live {
			t.Fatalf("step %d: %d children are counted, want %d", step, p.table.live, live)
		}
	}
}

func TestAPidFindsTheChildThatWasNotWaitedFor(t *testing.T) {
	p := newFixture(t)
	for n := range int32(3) {
		p.addClosed(childPid + n)
	}
	slot := func(c *Child) int {
		if c == nil {
			return -1
		}
		return int(c.slot)
	}
	p.Waited(childPid + 1)
	got := []int{slot(p.ChildByPid(childPid)), slot(p.ChildByPid(childPid + 1)), slot(p.ChildByPid(childPid + 2)), slot(p.ChildByPid(0)), slot(p.ChildByPid(-childPid))}
	if diff := cmp.Diff([]int{0, -1, 2, -1, -1}, got); diff != "" {
		t.Errorf("slots found (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int32{childPid, 0, childPid + 2}, p.listed()); diff != "" {
		t.Errorf("slots listed (-want +got):\n%s", diff)
	}
}

// A child that waitpid has collected is gone for clients, but what it wrote is not.
func TestTheOutputOfAChildThatWasWaitedForIsPassedOn(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adopt(childPid)
		c.write(c.out, eventFrame("x")+eventFrame("y")[:4])
		c.write(c.err, "error output")
		c.close(&c.control, &c.out, &c.err)
		f.Waited(childPid)
		f.Waited(childPid + 1) // no child: of no consequence
		f.retireWaited()
		f.receive(stdinFrame(childPid, "x"))
		f.rounds()
		f.wantWritten(
			proxyFrame(childPid, eventFrame("x")),
			ctlFrame(childPid, "fdctl_closed"),
			fromChild(typeStderr, childPid, "error output"),
			ctlFrame(childPid, "badpid"))
		if diff := cmp.Diff([]int32{}, f.listed()); diff != "" {
			t.Errorf("slots (-want +got):\n%s", diff)
		}
	})
}

func TestAsManyChildrenMayBeAsDescriptorsAllow(t *testing.T) {
	for soft, want := range map[uint64]int32{
		0: 0, 5: 0, 6: 0, 11: 0, 12: 1, 17: 1, 18: 2, 1024: 169, 6*0xffff + 6: 0xffff, 1 << 20: 0xffff, 1<<64 - 1: 0xffff,
	} {
		if got := childrenWithin(soft); got != want {
			t.Errorf("with %d descriptors: got %d children, want %d", soft, got, want)
		}
	}
	for n := range int32(1000) {
		if soft := filesFor(n); childrenWithin(soft) != n || n > 0 && childrenWithin(soft-1) != n-1 {
			t.Errorf("%d descriptors are not just enough for %d children", soft, n)
		}
	}
}

func TestTheNumberOfChildrenIsNeverSetBelowThoseThereAre(t *testing.T) {
	p := newFixture(t)
	var limit sys.Rlimit
	check(sys.Getrlimit(sys.RLIMIT_NOFILE, &limit))
	most := childrenWithin(limit.Cur)
	for n := range int32(3) {
		p.addClosed(childPid + n)
	}
	for _, test := range []struct {
		n    int32
		want int32 // of Options.MaxChild; 0: refused
	}{{3, 3}, {4, 4}, {2, 0}, {0, 0}, {-1, 0}, {most, most}} {
		p.Options.MaxChild = 7
		ok := p.SetMaxChild(test.n)
		if test.want == 0 {
			test.want = 7
		}
		if got := p.Options.MaxChild; got != test.want || ok != (test.want != 7) {
			t.Errorf("%d: got %t, %d, want %d", test.n, ok, got, test.want)
		}
	}
}

func TestTheLimitOnFilesMayNotFallBelowWhatChildrenUse(t *testing.T) {
	p := newFixture(t)
	c := p.addClosed(childPid)
	c.Stderr = 100
	for _, test := range []struct {
		soft uint64
		want bool
	}{
		{99, false},
		{100, true},
		{11, false},
		{1 << 20, true},
		// The low 32 bits count, as a signed number.
		{1<<32 + 99, false},
		{1<<32 + 100, true},
		{1<<31 - 1, true},
		{1 << 31, false},
		{1<<64 - 1, false},
	} {
		if got := p.MayLimitFiles(test.soft); got != test.want {
			t.Errorf("limit %#x with descriptor 100: got %t, want %t", test.soft, got, test.want)
		}
	}
	p.Options.MaxChild = 50
	for _, test := range []struct {
		soft uint64
		want int32
	}{{1000, 50}, {306, 50}, {305, 49}, {12, 1}, {1000, 1}} {
		if p.FilesLimited(test.soft); p.Options.MaxChild != test.want {
			t.Errorf("after a limit of %d: at most %d children, want %d", test.soft, p.Options.MaxChild, test.want)
		}
	}
}

func TestNoMoreChildrenThanOptionsAllow(t *testing.T) {
	for _, test := range []struct {
		depth              int
		maxDepth, maxChild int32
		want               sys.Errno
	}{
		{0, 16, 3, 0},
		{0, 16, 2, sys.EAGAIN},
		{0, 16, 0, sys.EAGAIN},
		{15, 16, 3, 0},
		{16, 16, 3, sys.EAGAIN},
		{17, 16, 3, sys.EAGAIN},
		{0, 0, 3, sys.EAGAIN},
		{0, -1, 3, sys.EAGAIN},
	} {
		p := newFixture(t)
		p.addClosed(childPid)
		p.addClosed(childPid + 1)
		p.Depth, p.Options.MaxForkDepth, p.Options.MaxChild = test.depth, test.maxDepth, test.maxChild
		if got := p.MayFork(); got != test.want {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}

// What poll(2) is given must not be longer than the limit on open files.
func TestChildrenMoveToLowSlotsWhenFewerAreAllowed(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		f.Options.MaxChild = 50
		var children []*testChild
		for n := range 10 {
			children = append(children, f.adopt(childPid+n))
		}
		last := children[len(children)-1]
		for _, c := range children[:len(children)-1] {
			if c != children[4] {
				c.close(&c.control, &c.stdin, &c.out, &c.err)
				f.Waited(c.Pid)
			}
		}
		f.retireWaited()
		f.rounds()
		f.written()
		if diff := cmp.Diff([]int32{0, 0, 0, 0, childPid + 4, 0, 0, 0, 0, childPid + 9}, f.listed()); diff != "" {
			t.Errorf("slots before (-want +got):\n%s", diff)
		}
		f.FilesLimited(6*3 + 6)
		f.rounds()
		if diff := cmp.Diff([]int32{childPid + 4, childPid + 9}, f.listed()); diff != "" {
			t.Errorf("slots (-want +got):\n%s", diff)
		}
		if n, most := len(f.poll.fds), placeChildren+2*streams; n > most {
			t.Errorf("the list has %d entries, want at most %d", n, most)
		}
		for _, c := range []*testChild{children[4], last} {
			c.Child = f.ChildByPid(c.pid)
			c.write(c.out, eventFrame("x"))
			f.receive(stdinFrame(int(c.Pid), "y"))
			wantInput(t, "y", c.input())
		}
		f.rounds()
		f.wantWritten(proxyFrame(childPid+4, eventFrame("x")), proxyFrame(childPid+9, eventFrame("x")))
	})
}
