// SPDX-License-Identifier: ISC

package calls

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func binaries(entries ...string) pt.Term {
	if len(entries) == 0 {
		return pt.List{}
	}
	l := pt.Chained{}
	for _, e := range entries {
		l = append(l, pt.Binary(e))
	}
	if len(l) == 1 {
		return pt.List(l)
	}
	return l
}

func TestEnvironment(t *testing.T) {
	for _, test := range []struct {
		name  string
		start []string
		nr    int
		args  []pt.Term
		reply pt.Term
		after []string
	}{
		{"setenv appends a new name", []string{"A=1"}, nrSetenv, []pt.Term{pt.Binary("B"), pt.Binary("2"), 0}, done, []string{"A=1", "B=2"}},
		{"setenv replaces in index", []string{"A=1", "B=2"}, nrSetenv, []pt.Term{pt.Binary("A"), pt.Binary("longer"), 1}, done, []string{"A=longer", "B=2"}},
		{"setenv replaces by something shorter", []string{"A=longer", "B=2"}, nrSetenv, []pt.Term{pt.Binary("A"), pt.Binary(""), -1}, done, []string{"A=", "B=2"}},
		{"setenv keeps what is there", []string{"A=1"}, nrSetenv, []pt.Term{pt.Binary("A"), pt.Binary("2"), 0}, done, []string{"A=1"}},
		{"setenv replaces the first of two entries", []string{"A=1", "A=2"}, nrSetenv, []pt.Term{pt.Binary("A"), pt.Binary("3"), 1}, done, []string{"A=3", "A=2"}},
		{"setenv refuses a NUL in the name", nil, nrSetenv, []pt.Term{pt.Binary("A\x00x"), pt.Binary("1"), 1}, badarg, nil},
		{"setenv refuses a NUL in the value", nil, nrSetenv, []pt.Term{pt.Binary("A"), pt.Binary("1\x00x"), 1}, badarg, nil},
		{"setenv wants a name", nil, nrSetenv, []pt.Term{pt.Binary("\x00"), pt.Binary("1"), 1}, errorTuple("einval"), nil},
		{"setenv takes NULs at the end", nil, nrSetenv, []pt.Term{pt.Binary("A\x00"), pt.Binary("1\x00\x00"), 1}, done, []string{"A=1"}},
		{"setenv wants a name without =", nil, nrSetenv, []pt.Term{pt.Binary("A=B"), pt.Binary("1"), 1}, errorTuple("einval"), nil},
		{"setenv refuses no name at all", nil, nrSetenv, []pt.Term{pt.Binary(""), pt.Binary("1"), 1}, badarg, nil},
		{"setenv refuses an atom", nil, nrSetenv, []pt.Term{pt.Binary("A"), pt.Atom("b"), 1}, badarg, nil},
		{"unsetenv removes all entries of the name", []string{"A=1", "B=2", "A=3", "AA=4"}, nrUnsetenv, []pt.Term{pt.Binary("A")}, done, []string{"B=2", "AA=4"}},
		{"unsetenv of an unknown name", []string{"A=1"}, nrUnsetenv, []pt.Term{pt.Binary("B")}, done, []string{"A=1"}},
		{"unsetenv wants a name without =", []string{"A=B=1"}, nrUnsetenv, []pt.Term{pt.Binary("A=B")}, errorTuple("einval"), []string{"A=B=1"}},
		{"clearenv removes everything", []string{"A=1", "B=2"}, nrClearenv, nil, done, nil},
		{"getenv finds the first entry", []string{"A=1", "A=2"}, nrGetenv, []pt.Term{pt.Binary("A")}, pt.Binary("1"), []string{"A=1", "A=2"}},
		{"getenv finds an empty value", []string{"A="}, nrGetenv, []pt.Term{pt.Binary("A")}, pt.Binary(""), []string{"A="}},
		{"getenv takes a = for part of the name", []string{"B=C=D"}, nrGetenv, []pt.Term{pt.Binary("B=C")}, pt.Binary("D"), []string{"B=C=D"}},
		{"getenv takes a = for part of the value", []string{"B=C=D"}, nrGetenv, []pt.Term{pt.Binary("B")}, pt.Binary("C=D"), []string{"B=C=D"}},
		{"getenv does not find another case", []string{"A=1"}, nrGetenv, []pt.Term{pt.Binary("a")}, pt.Atom("false"), []string{"A=1"}},
		{"getenv does not find an entry without =", []string{"A", "", "=x"}, nrGetenv, []pt.Term{pt.Binary("A")}, pt.Atom("false"), []string{"A", "", "=x"}},
		{"getenv refuses a NUL in the name", []string{"A=1"}, nrGetenv, []pt.Term{pt.Binary("A\x00x")}, badarg, []string{"A=1"}},
		{"unsetenv refuses a NUL in the name", []string{"A=1"}, nrUnsetenv, []pt.Term{pt.Binary("A\x00x")}, badarg, []string{"A=1"}},
		{"getenv refuses no name at all", nil, nrGetenv, []pt.Term{pt.List{}}, badarg, nil},
		{"getenv refuses an atom", nil, nrGetenv, []pt.Term{pt.Atom("A")}, badarg, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker(test.start...)
			want(t, a.ask(test.nr, test.args...), test.reply)
			want(t, a.ask(nrEnviron), binaries(test.after...))
			if diff := cmp.Diff(test.after, a.env.entries()); diff != "" {
				t.Errorf("what a program would be given (-want +got):\n%s", diff)
			}
		})
	}
}

// entries returns what execve(2) would see.
func (e *environment) entries() []string {
	var all []string
	for _, p := range e.vector {
		if p == nil {
			return all
		}
		start := int(uintptr(unsafe.Pointer(p)) - address(e.text))
		all = append(all, string(sys.CString(e.text[start:])))
	}
	panic("no null pointer at the end")
}

func TestTheEnvironmentGrows(t *testing.T) {
	a := newAsker("FIRST=1")
	const n, size = spareEntries + 100, 150
	if n*size < spareText {
		t.Fatal("there is room for all")
	}
	expected := []string{"FIRST=1"}
	for i := range n {
		value := strings.Repeat("v", size)
		want(t, a.ask(nrSetenv, pt.Binary(fmt.Sprint("N", i)), pt.Binary(value), 1), done)
		expected = append(expected, fmt.Sprintf("N%d=%s", i, value))
	}
	if diff := cmp.Diff(expected, a.env.entries()); diff != "" {
		t.Error(diff)
	}
	for i := range n {
		want(t, a.ask(nrUnsetenv, pt.Binary(fmt.Sprint("N", i))), done)
	}
	want(t, a.ask(nrEnviron), binaries("FIRST=1"))
}

// What random changes leave, beside a list that is changed in the plainest way: chunks are used
// again, moved together and copied to more memory.
func TestTheEnvironmentIsWhatWasSetInIt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	a := newAsker("A=1", "B", "A=2", "C=3", "A=4")
	model := []string{"A=1", "B", "A=2", "C=3", "A=4"}
	for step := range 20000 {
		name := string(rune('A' + r.IntN(20)))
		if r.IntN(4) > 0 {
			name = fmt.Sprint("N", r.IntN(3000))
		}
		i := slices.IndexFunc(model, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		switch r.IntN(10) {
		case 0:
			want(t, a.ask(nrUnsetenv, pt.Binary(name)), done)
			model = slices.DeleteFunc(model, func(e string) bool { return strings.HasPrefix(e, name+"=") })
		case 1:
			expected := pt.Term(pt.Atom("false"))
			if i >= 0 {
				expected = pt.Binary(model[i][len(name)+1:])
			}
			want(t, a.ask(nrGetenv, pt.Binary(name)), expected)
		default:
			value := strings.Repeat("v", r.IntN(200))
			want(t, a.ask(nrSetenv, pt.Binary(name), pt.Binary(value), 1), done)
			if i < 0 {
				i, model = len(model), append(model, "")
			}
			model[i] = name + "=" + value
		}
		if step%500 == 0 {
			if diff := cmp.Diff(model, a.env.entries()); diff != "" {
				t.Fatalf("step %d (-want +got):\n%s", step, diff)
			}
		}
	}
	want(t, a.ask(nrClearenv), done)
	want(t, a.ask(nrEnviron), binaries())
	want(t, a.ask(nrSetenv, pt.Binary("A"), pt.Binary("1"), 0), done)
	want(t, a.ask(nrEnviron), binaries("A=1"))
}
