// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

const (
	ok     = pt.Atom("ok")
	badarg = pt.Atom("badarg")
	undef  = pt.Atom("undef")
)

// errno returns the reply of a failed system call.
func errno(name string) pt.Term { return pt.Tuple{pt.Atom("error"), pt.Atom(name)} }

// okTuple returns {ok, ...}.
func okTuple(ts ...pt.Term) pt.Term { return append(pt.Tuple{ok}, ts...) }

// timeval returns a time limit for select.
func timeval(sec, usec int) pt.Term { return pt.Tuple{pt.Atom("alcove_timeval"), sec, usec} }

// rlimit returns the pair of a soft and a hard limit.
func rlimit(soft, hard pt.Term) pt.Term { return pt.Tuple{pt.Atom("alcove_rlimit"), soft, hard} }

// infinity is RLIM_INFINITY.
const infinity = uint64(1<<64 - 1)

// argv returns a list of binaries.
func argv(args ...string) pt.Term {
	l := pt.List{}
	for _, a := range args {
		l = append(l, pt.Binary(a))
	}
	return l
}

// slot is what cpid tells of a child.
type slot struct {
	Pid, Flow, SignalOnEOF, Control, Stdin, Stdout, Stderr int
}

// slots lists the children of the process at to.
func slots(t testing.TB, p *pt.Port, to pt.Pipeline) []slot {
	t.Helper()
	var records []pt.Term
	switch l := p.Call(to, "cpid").(type) {
	case pt.List:
		records = l
	case pt.Chained:
		records = l
	default:
		t.Fatalf("cpid: %s", pt.Format(l))
	}
	var all []slot
	for _, r := range records {
		r, _ := r.(pt.Tuple)
		if len(r) != 8 || r[0] != pt.Atom("alcove_pid") {
			t.Fatalf("cpid: record %s", pt.Format(r))
		}
		n := make([]int, 8)
		for i, f := range r[1:] {
			n[i], _ = f.(int)
		}
		all = append(all, slot{n[0], n[1], n[2], n[3], n[4], n[5], n[6]})
	}
	return all
}

// slotOf returns what its parent knows of the process at to.
func slotOf(t testing.TB, p *pt.Port, to pt.Pipeline) slot {
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
func endOfFile(t testing.TB, p *pt.Port, to pt.Pipeline) {
	t.Helper()
	p.Want(ok, to.Parent(), "close", slotOf(t, p, to).Stdin)
}

// inEach runs a subtest for the port itself, a child and a grandchild.
func inEach(t *testing.T, p *pt.Port, do func(t *testing.T, p *pt.Port, to pt.Pipeline)) {
	for depth := range 3 {
		to := p.Chain(depth)
		t.Run(fmt.Sprintf("depth %d", depth), func(t *testing.T) { do(t, p.With(t), to) })
	}
}
