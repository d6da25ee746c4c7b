// SPDX-License-Identifier: ISC

package calls

import (
	"slices"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestOptionsKeepWhatTheyCanHold(t *testing.T) {
	yes, no := pt.Atom("true"), pt.Atom("false")
	for _, test := range []struct {
		option pt.Atom
		value  pt.Term
		reply  pt.Term
		then   pt.Term
	}{
		{"exit_status", 1, yes, 1},
		{"exit_status", 77, yes, 1},
		{"exit_status", 0, yes, 0},
		{"exit_status", -1, badarg, 0},
		{"termsig", 2, yes, 1},
		{"fdctl_closed", 0, yes, 0},
		{"stdin_closed", 2, yes, 1},
		{"stdout_closed", 2, yes, 1},
		{"stderr_closed", 2, yes, 1},
		{"usage", 2, yes, 1},
		{"childless", 2, yes, 1},
		{"oneshot", 2, yes, 1},
		{"flowcontrol", 5, yes, 5},
		{"flowcontrol", -5, yes, -1},
		{"flowcontrol", pt.Integer(1<<31 - 1), yes, 1<<31 - 1},
		{"flowcontrol", 1 << 31, badarg, 0},
		{"flowbytes", 100, yes, 100},
		{"flowbytes", -5, yes, -1},
		{"signaloneof", 9, yes, 9},
		{"signaloneof", 256, yes, 255},
		{"maxforkdepth", 255, yes, 255},
		{"maxforkdepth", 1000, yes, 255},
		{"maxforkdepth", -1, badarg, 0},
		{"maxchild", 3, yes, 3},
		{"maxchild", 0, yes, 0},
		{"maxchild", 70000, no, 0},
		{"maxchild", -1, badarg, 0},
		{"graceoneof", 1500, yes, 1500},
		{"graceoneof", -1, badarg, 0},
		{"subreaper", 0, no, 0},
		{"subreaper", -1, badarg, 0},
		{"signalbelow", 65, no, no},
		{"signalbelow", -1, badarg, no},
		{"stdin", 7, yes, 7},
		{"stdout", 0, yes, 0},
		{"stderr", -1, yes, -1},
		{"stderr", -7, yes, -1},
		{"stdin", 1 << 31, badarg, -1},
		{"umask", 0o777, yes, 0o777},
		{"umask", 0o1000, no, -1},
		{"umask", -2, yes, -1},
		{"depth", 1, no, no},
		{"depth", -1, badarg, no},
		{"Termsig", 1, no, no},
		{"exit_status", pt.Atom("true"), badarg, 0},
	} {
		t.Run(string(test.option), func(t *testing.T) {
			a := newAsker()
			want(t, a.ask(nrSetopt, test.option, test.value), test.reply)
			want(t, a.ask(nrGetopt, test.option), test.then)
		})
	}
	want(t, newAsker().ask(nrSetopt, pt.Binary("termsig"), 1), badarg)
	want(t, newAsker().ask(nrGetopt, pt.Binary("termsig")), badarg)
}

// answers reports whether the call is one that a answers.
func (a *asker) answers(nr int) bool { return a.ask(nr) != undef }

func TestExtensionsAreThereForThoseWhoAskForThem(t *testing.T) {
	all, yes, no := newAsker().ask(nrGetopt, pt.Atom("extensions")), pt.Atom("true"), pt.Atom("false")
	type step struct {
		value pt.Term
		reply pt.Term
		then  bool // getdents is answered
		says  pt.Term
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"on, and on again", []step{{1, yes, true, all}, {1, yes, true, all}}},
		{"away for good", []step{{0, yes, false, 0}, {1, no, false, 0}, {0, yes, false, 0}}},
		{"on, then away for good", []step{{1, yes, true, all}, {0, yes, false, 0}, {1, no, false, 0}}},
		{"no value", []step{{2, no, false, all}, {-1, badarg, false, all}, {pt.Binary(""), badarg, false, all}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker()
			want(t, a.ask(nrGetopt, pt.Atom("extensions")), all)
			for _, s := range test.steps {
				want(t, a.ask(nrSetopt, pt.Atom("extensions"), s.value), s.reply)
				want(t, a.ask(nrGetopt, pt.Atom("extensions")), s.says)
				if a.answers(nrGetdents) != s.then {
					t.Errorf("after %s: answered: %t", pt.Format(s.value), !s.then)
				}
			}
		})
	}
}

func TestExtensionsAreThoseWithAMeaning(t *testing.T) {
	a := newAsker()
	bits := a.ask(nrGetopt, pt.Atom("extensions")).(int)
	a.ask(nrSetopt, pt.Atom("extensions"), 1)
	for nr := callCount; nr < callLimit; nr++ {
		listed := bits&(1<<(callLimit-1-nr)) != 0
		if answered := callNames[nr] != "" && a.ask(nr, slices.Repeat([]pt.Term{0}, int(callArity[nr]))...) != undef; answered != listed {
			t.Errorf("call %d: answered: %t, getopt tells of it: %t", nr, answered, listed)
		}
	}
}

// A map that has no bits for the extensions was made by somebody who does not know
// them.
func TestShortMapsBlockTheExtensionsToo(t *testing.T) {
	block := func(size int, numbers ...int) pt.Binary {
		b := make([]byte, size)
		for _, nr := range numbers {
			b[nr/8] |= 1 << (nr % 8)
		}
		return pt.Binary(b)
	}
	for _, test := range []struct {
		name     string
		filter   pt.Binary
		getdents bool
		version  bool
	}{
		{"nothing", "", true, true},
		{"one byte", block(1), false, true},
		{"13 bytes", block(13, nrVersion), false, false},
		{"13 bytes without a call", block(13), false, true},
		{"14 bytes", block(14), true, true},
		{"14 bytes with a call", block(14, nrVersion), true, false},
		{"16 bytes", block(16), true, true},
		{"16 bytes with the extension", block(16, nrGetdents), false, true},
	} {
		for _, before := range []bool{false, true} {
			t.Run(test.name, func(t *testing.T) {
				a := newAsker()
				filter := func() { want(t, a.ask(nrFilter, test.filter, pt.Binary("")), done) }
				if before {
					filter()
				}
				want(t, a.ask(nrSetopt, pt.Atom("extensions"), 1), pt.Atom("true"))
				if !before {
					filter()
				}
				if got := a.answers(nrGetdents); got != test.getdents {
					t.Errorf("getdents is answered: %t", got)
				}
				if got := a.answers(nrVersion); got != test.version {
					t.Errorf("version is answered: %t", got)
				}
			})
		}
	}
}

func TestSetcpidWithoutThatChild(t *testing.T) {
	for _, test := range []struct {
		args []pt.Term
		want pt.Term
	}{
		{[]pt.Term{1, pt.Atom("flowcontrol"), -7}, pt.Atom("true")},
		{[]pt.Term{1, pt.Atom("flowcontrol_add"), 7}, pt.Atom("true")},
		{[]pt.Term{1, pt.Atom("flowcontrol_add"), -7}, badarg},
		{[]pt.Term{1, pt.Atom("flowbytes"), -7}, pt.Atom("true")},
		{[]pt.Term{1, pt.Atom("flowbytes_add"), 7}, pt.Atom("true")},
		{[]pt.Term{1, pt.Atom("flowbytes_add"), -7}, badarg},
		{[]pt.Term{0, pt.Atom("signaloneof"), 1000}, pt.Atom("true")},
		{[]pt.Term{1<<32 - 1, pt.Atom("signaloneof"), 1}, pt.Atom("true")},
		{[]pt.Term{1, pt.Atom("stdin"), 1}, pt.Atom("false")},
		{[]pt.Term{1, pt.Atom("stdin"), -1}, badarg},
		{[]pt.Term{1, pt.Atom("signaloneof"), -1}, badarg},
		{[]pt.Term{-1, pt.Atom("flowcontrol"), 1}, badarg},
		{[]pt.Term{1, pt.Binary("flowcontrol"), 1}, badarg},
	} {
		want(t, newAsker().ask(nrSetcpid, test.args...), test.want)
	}
}

func TestLimitsAreRecords(t *testing.T) {
	a := newAsker()
	reply := a.ask(nrGetrlimit, pt.Atom("rlimit_core")).(pt.Tuple)
	record := reply[1].(pt.Tuple)
	want(t, reply, pt.Tuple{done, pt.Tuple{pt.Atom("alcove_rlimit"), record[1], record[2]}})
	for _, test := range []struct {
		name  string
		limit pt.Term
		want  pt.Term
	}{
		{"the record that getrlimit gave", record, done},
		{"a record in the long encoding", pt.LargeTuple(record), done},
		{"another tag", pt.Tuple{pt.Atom("Alcove_rlimit"), record[1], record[2]}, badarg},
		{"a negative limit", pt.Tuple{pt.Atom("alcove_rlimit"), -1, record[2]}, badarg},
		{"one limit", record[:2], badarg},
		{"a list", pt.List(record), badarg},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, a.ask(nrSetrlimit, pt.Atom("rlimit_core"), test.limit), test.want)
		})
	}
	few := pt.Tuple{pt.Atom("alcove_rlimit"), 5, 5}
	want(t, a.ask(nrSetrlimit, pt.Atom("rlimit_nofile"), few), errorTuple("einval"))
	want(t, a.ask(nrSetrlimit, pt.Atom("rlimit_zip"), pt.Atom("x")), errorTuple("enotsup"))
	want(t, a.ask(nrGetrlimit, -1), errorTuple("einval"))
}
