// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// kept: cpid lists the children in slot order; a new child takes the first free slot.
func TestCpidListsChildrenInTheOrderOfTheirSlots(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		p.Want(pt.List{}, to, "cpid")
		a, b, c := p.Fork(to), p.Fork(to), p.Fork(to)
		wantPids(t, p, to, a, b, c)
		p.Stop(b)
		wantPids(t, p, to, a, c)
		d := p.Fork(to)
		e := p.Fork(to)
		wantPids(t, p, to, a, d, c, e)
		for _, l := range []pt.Pipeline{a, c, d, e} {
			p.Stop(l)
		}
		p.Want(pt.List{}, to, "cpid")
	})
}

func wantPids(t *testing.T, p *pt.Port, to pt.Pipeline, want ...pt.Pipeline) {
	t.Helper()
	var got, wanted []int
	for _, s := range slots(t, p, to) {
		got = append(got, s.Pid)
	}
	for _, l := range want {
		wanted = append(wanted, l.Pid())
	}
	if fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("cpid lists %v, want %v", got, wanted)
	}
}

// kept: the numbers that a fresh port has always given.
func TestCpidOfAFreshPortHasTheKnownDescriptors(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	record := func(l pt.Pipeline, n ...pt.Term) pt.Term {
		return append(pt.Tuple{pt.Atom("alcove_pid"), l.Pid(), -1, 15}, n...)
	}
	p.Send(nil, "cpid")
	want := pt.Chained{record(a, 7, 9, 10, 12), record(b, 8, 13, 14, 16)}
	m := p.Reply(nil, "cpid")
	if diff := pt.Diff(want, m); diff != "" {
		for i, s := range slots(t, p, nil) {
			for _, fd := range []int{s.Control, s.Stdin, s.Stdout, s.Stderr} {
				if _, open := pt.FDs(p.Pid)[fd]; !open || fd < 6 {
					t.Errorf("child %d: descriptor %d of %+v is not open: %v", i, fd, s, pt.FDs(p.Pid))
				}
			}
		}
	}
	p.Exec(a, "sleep", "1000")
	if s := slotOf(t, p, a); s.Control != -2 || s.Stdin < 0 || s.Stdout < 0 || s.Stderr < 0 {
		t.Errorf("slot of a program: %+v", s)
	}
}

func TestChildrenAreLimitedByMaxchild(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), 2)
	a, b := p.Fork(nil), p.Fork(nil)
	p.Want(errno("eagain"), nil, "fork")
	// The limits come before the argument.
	p.Want(errno("eagain"), nil, "clone", pt.Atom("garbage"))
	p.Want(false, nil, "setopt", pt.Atom("maxchild"), 1)
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), 3)
	c := p.Fork(nil)
	p.Want(errno("eagain"), nil, "fork")
	p.Stop(b)
	d := p.Fork(nil)
	p.Want(2, a, "getopt", pt.Atom("maxchild")) // a copy from the time of its fork
	p.Want(3, c, "getopt", pt.Atom("maxchild"))
	p.Want(3, d, "getopt", pt.Atom("maxchild"))
}

// bettered: D10 shrinking maxchild loses no children.
func TestLoweringMaxchildKeepsEveryChild(t *testing.T) {
	for _, how := range []string{"setopt", "setrlimit"} {
		t.Run(how, func(t *testing.T) {
			p := pt.Start(t)
			a, b, c := p.Fork(nil), p.Fork(nil), p.Fork(nil)
			p.Stop(a)
			if how == "setopt" {
				p.Want(true, nil, "setopt", pt.Atom("maxchild"), 2)
			} else {
				most := 0
				for fd := range pt.FDs(p.Pid) {
					most = max(most, fd)
				}
				soft := max(18, most+1) // two children and six of its own
				p.Want(ok, nil, "setrlimit", pt.Atom("rlimit_nofile"), rlimit(soft, 1000))
				p.Want((soft-6)/6, nil, "getopt", pt.Atom("maxchild"))
				p.Want(true, nil, "setopt", pt.Atom("maxchild"), 2)
			}
			p.Want(errno("eagain"), nil, "fork")
			wantPids(t, p, nil, b, c)
			p.Want(c.Pid(), c, "getpid")
			p.Sh(c, "cat; exit 4")
			p.Stdin(c, "still here\n")
			p.Await(pt.Stdout(c, "still here\n"))
			endOfFile(t, p, c)
			p.Await(pt.ExitStatus(c, 4))
			d := p.Fork(nil)
			p.Want(d.Pid(), d, "getpid")
			// bettered: D30 no descriptor of another slot is left in a child.
			if n := len(pt.FDs(d.Pid())); n != 6 {
				t.Errorf("descriptors of a new child: %v", pt.FDs(d.Pid()))
			}
			p.Quiet(nil, b)
		})
	}
}

// kept: what setrlimit does to maxchild.
func TestDescriptorLimitLowersMaxchildAndNeverRaisesIt(t *testing.T) {
	p := pt.Start(t)
	limit := func(soft pt.Term) []pt.Term { return []pt.Term{pt.Atom("rlimit_nofile"), rlimit(soft, 1000)} }
	p.Want(ok, nil, "setrlimit", limit(100)...)
	p.Want(15, nil, "getopt", pt.Atom("maxchild"))
	p.Want(ok, nil, "setrlimit", limit(1000)...)
	p.Want(15, nil, "getopt", pt.Atom("maxchild"))
	p.Want(ok, nil, "setrlimit", limit(24)...)
	p.Want(3, nil, "getopt", pt.Atom("maxchild"))
	p.Want(errno("einval"), nil, "setrlimit", limit(5)...)
	p.Want(ok, nil, "setrlimit", limit(6)...)
	p.Want(0, nil, "getopt", pt.Atom("maxchild"))
	p.Want(ok, nil, "setrlimit", limit(1000)...)
	p.Want(false, nil, "setopt", pt.Atom("maxchild"), 166)
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), 165)
	a := p.Fork(nil)
	// A slot has descriptors above the limit, or its share of the limit does not suffice.
	p.Want(errno("einval"), nil, "setrlimit", limit(slotOf(t, p, a).Stderr-1)...)
	p.Want(errno("einval"), nil, "setrlimit", limit(11)...)
	p.Want(ok, nil, "setrlimit", limit(12)...)
	p.Want(1, nil, "getopt", pt.Atom("maxchild"))
	p.Want(a.Pid(), a, "getpid")
}

// Epoll is what cpid does not list: whoever closes it, the children are served.
func TestClosingTheDescriptorOfEpollLeavesNoChildUnserved(t *testing.T) {
	p := pt.Start(t)
	var all []pt.Pipeline
	for range 20 {
		all = append(all, p.Fork(nil))
	}
	epoll := -1
	for fd, file := range pt.FDs(p.Pid) {
		if file == "anon_inode:[eventpoll]" {
			epoll = fd
		}
	}
	if epoll < 0 {
		t.Fatalf("20 children are not watched by epoll: %v", pt.FDs(p.Pid))
	}
	p.Want(ok, nil, "close", epoll)
	p.Want(errno("ebadf"), nil, "close", epoll)
	all = append(all, p.Fork(nil), p.Fork(nil))
	for _, a := range all {
		p.Want(a.Pid(), a, "getpid")
	}
	p.Exec(all[3], "sh", "-c", "echo out; exit 3")
	p.Await(pt.Stdout(all[3], "out\n"))
	p.Await(pt.ExitStatus(all[3], 3))
}
