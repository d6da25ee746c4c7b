package calls

import (
	"slices"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

func TestOptionsKeepWhatTheyCanHold(t *testing.T) {
	yes, no := Atom("true"), Atom("false")
	for _, test := range []struct {
		option Atom
		value  Term
		reply  Term
		then   Term
	}{
		{"exit_status", 1, yes, 1},
		{"exit_status", 77, yes, 1},
		{"exit_status", 0, yes, 0},
		{"exit_status", -1, badarg, 0},
		{"termsig", 2, yes, 1},
		{"stdin_closed", 2, yes, 1},
		{"stdout_closed", 2, yes, 1},
		{"stderr_closed", 2, yes, 1},
		{"flowcontrol", 5, yes, 5},
		{"flowcontrol", -5, yes, -1},
		{"flowcontrol", Integer(1<<31 - 1), yes, 1<<31 - 1},
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
		{"exit_status", Atom("true"), badarg, 0},
	} {
		t.Run(string(test.option), func(t *testing.T) {
			a := newAsker()
			want(t, a.ask(nrSetopt, test.option, test.value), test.reply)
			want(t, a.ask(nrGetopt, test.option), test.then)
		})
	}
	want(t, newAsker().ask(nrSetopt, Binary("termsig"), 1), badarg)
	want(t, newAsker().ask(nrGetopt, Binary("termsig")), badarg)
}

// answers tells whether the call is one that a answers.
func (a *asker) answers(nr int) bool { return a.ask(nr) != undef }

func TestExtensionsAreThereForThoseWhoAskForThem(t *testing.T) {
	all, yes, no := newAsker().ask(nrGetopt, Atom("extensions")), Atom("true"), Atom("false")
	type step struct {
		value Term
		reply Term
		then  bool // getdents is answered
		says  Term
	}
	for _, test := range []struct {
		name  string
		steps []step
	}{
		{"on, and on again", []step{{1, yes, true, all}, {1, yes, true, all}}},
		{"away for good", []step{{0, yes, false, 0}, {1, no, false, 0}, {0, yes, false, 0}}},
		{"on, then away for good", []step{{1, yes, true, all}, {0, yes, false, 0}, {1, no, false, 0}}},
		{"no value", []step{{2, no, false, all}, {-1, badarg, false, all}, {Binary(""), badarg, false, all}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker()
			want(t, a.ask(nrGetopt, Atom("extensions")), all)
			for _, s := range test.steps {
				want(t, a.ask(nrSetopt, Atom("extensions"), s.value), s.reply)
				want(t, a.ask(nrGetopt, Atom("extensions")), s.says)
				if a.answers(nrGetdents) != s.then {
					t.Errorf("after %s: answered: %t", Format(s.value), !s.then)
				}
			}
		})
	}
}

func TestExtensionsAreThoseWithAMeaning(t *testing.T) {
	a := newAsker()
	bits := a.ask(nrGetopt, Atom("extensions")).(int)
	a.ask(nrSetopt, Atom("extensions"), 1)
	for nr := callCount; nr < callLimit; nr++ {
		listed := bits&(1<<(callLimit-1-nr)) != 0
		if answered := callNames[nr] != "" && a.ask(nr, slices.Repeat([]Term{0}, int(callArity[nr]))...) != undef; answered != listed {
			t.Errorf("call %d: answered: %t, getopt tells of it: %t", nr, answered, listed)
		}
	}
}

// A map that has no bits for the extensions was made by somebody who does not know
// them.
func TestShortMapsBlockTheExtensionsToo(t *testing.T) {
	block := func(size int, numbers ...int) Binary {
		b := make([]byte, size)
		for _, nr := range numbers {
			b[nr/8] |= 1 << (nr % 8)
		}
		return Binary(b)
	}
	for _, test := range []struct {
		name     string
		filter   Binary
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
				filter := func() { want(t, a.ask(nrFilter, test.filter, Binary("")), done) }
				if before {
					filter()
				}
				want(t, a.ask(nrSetopt, Atom("extensions"), 1), Atom("true"))
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
		args []Term
		want Term
	}{
		{[]Term{1, Atom("flowcontrol"), -7}, Atom("true")},
		{[]Term{1, Atom("flowcontrol_add"), 7}, Atom("true")},
		{[]Term{1, Atom("flowcontrol_add"), -7}, badarg},
		{[]Term{1, Atom("flowbytes"), -7}, Atom("true")},
		{[]Term{1, Atom("flowbytes_add"), 7}, Atom("true")},
		{[]Term{1, Atom("flowbytes_add"), -7}, badarg},
		{[]Term{0, Atom("signaloneof"), 1000}, Atom("true")},
		{[]Term{1<<32 - 1, Atom("signaloneof"), 1}, Atom("true")},
		{[]Term{1, Atom("stdin"), 1}, Atom("false")},
		{[]Term{1, Atom("stdin"), -1}, badarg},
		{[]Term{1, Atom("signaloneof"), -1}, badarg},
		{[]Term{-1, Atom("flowcontrol"), 1}, badarg},
		{[]Term{1, Binary("flowcontrol"), 1}, badarg},
	} {
		want(t, newAsker().ask(nrSetcpid, test.args...), test.want)
	}
}

func TestLimitsAreRecords(t *testing.T) {
	a := newAsker()
	reply := a.ask(nrGetrlimit, Atom("rlimit_core")).(Tuple)
	record := reply[1].(Tuple)
	want(t, reply, Tuple{done, Tuple{Atom("alcove_rlimit"), record[1], record[2]}})
	for _, test := range []struct {
		name  string
		limit Term
		want  Term
	}{
		{"the record that getrlimit gave", record, done},
		{"a record in the long encoding", LargeTuple(record), done},
		{"another tag", Tuple{Atom("Alcove_rlimit"), record[1], record[2]}, badarg},
		{"a negative limit", Tuple{Atom("alcove_rlimit"), -1, record[2]}, badarg},
		{"one limit", record[:2], badarg},
		{"a list", List(record), badarg},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, a.ask(nrSetrlimit, Atom("rlimit_core"), test.limit), test.want)
		})
	}
	few := Tuple{Atom("alcove_rlimit"), 5, 5}
	want(t, a.ask(nrSetrlimit, Atom("rlimit_nofile"), few), errorTuple("einval"))
	want(t, a.ask(nrSetrlimit, Atom("rlimit_zip"), Atom("x")), errorTuple("enotsup"))
	want(t, a.ask(nrGetrlimit, -1), errorTuple("einval"))
}
