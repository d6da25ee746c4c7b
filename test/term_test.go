package test

import (
	"fmt"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

const (
	ok     = Atom("ok")
	badarg = Atom("badarg")
	undef  = Atom("undef")
)

// errno is the reply of a failed system call.
func errno(name string) Term { return Tuple{Atom("error"), Atom(name)} }

// okTuple is {ok, ...}.
func okTuple(ts ...Term) Term { return append(Tuple{ok}, ts...) }

// timeval is a time limit for select.
func timeval(sec, usec int) Term { return Tuple{Atom("alcove_timeval"), sec, usec} }

// rlimit is the pair of a soft and a hard limit.
func rlimit(soft, hard Term) Term { return Tuple{Atom("alcove_rlimit"), soft, hard} }

// infinity is RLIM_INFINITY.
const infinity = uint64(1<<64 - 1)

// argv is a list of binaries.
func argv(args ...string) Term {
	l := List{}
	for _, a := range args {
		l = append(l, Binary(a))
	}
	return l
}

// slot is what cpid tells of a child.
type slot struct {
	Pid, Flow, SignalOnEOF, Control, Stdin, Stdout, Stderr int
}

// slots lists the children of the process at to.
func slots(t testing.TB, p *Port, to Pipeline) []slot {
	t.Helper()
	var records []Term
	switch l := p.Call(to, "cpid").(type) {
	case List:
		records = l
	case Chained:
		records = l
	default:
		t.Fatalf("cpid: %s", Format(l))
	}
	var all []slot
	for _, r := range records {
		r, _ := r.(Tuple)
		if len(r) != 8 || r[0] != Atom("alcove_pid") {
			t.Fatalf("cpid: record %s", Format(r))
		}
		n := make([]int, 8)
		for i, f := range r[1:] {
			n[i], _ = f.(int)
		}
		all = append(all, slot{n[0], n[1], n[2], n[3], n[4], n[5], n[6]})
	}
	return all
}

// slotOf is what its parent knows of the process at to.
func slotOf(t testing.TB, p *Port, to Pipeline) slot {
	t.Helper()
	for _, s := range slots(t, p, to.Parent()) {
		if s.Pid == to.Pid() {
			return s
		}
	}
	t.Fatalf("cpid of %v does not list %d", to.Parent(), to.Pid())
	return slot{}
}

// endOfFile closes the standard input of a child, as clients do: by the number that cpid gives.
func endOfFile(t testing.TB, p *Port, to Pipeline) {
	t.Helper()
	p.Want(ok, to.Parent(), "close", slotOf(t, p, to).Stdin)
}

// inEach runs a subtest for the port itself, a child and a grandchild.
func inEach(t *testing.T, p *Port, do func(t *testing.T, p *Port, to Pipeline)) {
	for depth := range 3 {
		to := p.Chain(depth)
		t.Run(fmt.Sprintf("depth %d", depth), func(t *testing.T) { do(t, p.With(t), to) })
	}
}
