package calls

import (
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

func TestSetcpidWithoutThatChild(t *testing.T) {
	for _, test := range []struct {
		args []Term
		want Term
	}{
		{[]Term{1, Atom("flowcontrol"), -7}, Atom("true")},
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
