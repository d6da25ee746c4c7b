package calls

import (
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

func TestSigactionAnswersWhatWasBefore(t *testing.T) {
	const unused = 54 // no test and no runtime has a use for it
	a := newAsker()
	old := func(name Atom) Term { return Tuple{done, name} }
	a.ask(nrSigaction, unused, Atom("sig_ign"))
	want(t, a.ask(nrSigaction, unused, Binary("")), old("sig_ign"))
	want(t, a.ask(nrSigaction, unused, Atom("sig_dfl")), old("sig_ign"))
	want(t, a.ask(nrSigaction, unused, List{}), old("sig_dfl"))
	want(t, a.ask(nrSigaction, Atom("sigurg"), List{}), old("sig_info")) // a handler of the Go runtime
}

func TestTakingSIGCHLDIsAPromiseOfTheProcess(t *testing.T) {
	a := newAsker()
	for _, step := range []struct {
		handler Term
		old     Atom
		taken   bool
	}{
		{List{}, "sig_dfl", false},
		{Atom("sig_info"), "sig_dfl", true},
		{Binary(""), "sig_info", true},
		{Atom("sig_ign"), "sig_info", false},
		{Atom("sig_ign"), "sig_dfl", false},
		{Atom("sig_info"), "sig_dfl", true},
		{Atom("sig_dfl"), "sig_info", false},
	} {
		want(t, a.ask(nrSigaction, Atom("sigchld"), step.handler), Tuple{done, step.old})
		if a.p.SIGCHLDTaken != step.taken {
			t.Errorf("after %s it is taken: %v", Format(step.handler), a.p.SIGCHLDTaken)
		}
	}
}

// bettered: D12, sigaction does not hide errors.
func TestSigactionRefuses(t *testing.T) {
	ign := Atom("sig_ign")
	for _, test := range []struct {
		name string
		args []Term
		want Term
	}{
		{"to ignore SIGKILL", []Term{Atom("sigkill"), ign}, errorTuple("einval")},
		{"to handle SIGSTOP", []Term{Atom("sigstop"), Atom("sig_info")}, errorTuple("einval")},
		{"signal 0", []Term{0, ign}, errorTuple("einval")},
		{"a negative signal", []Term{-1, List{}}, errorTuple("einval")},
		{"a signal of libc", []Term{32, List{}}, errorTuple("einval")},
		{"another signal of libc", []Term{33, ign}, errorTuple("einval")},
		{"a signal that is too high", []Term{65, ign}, errorTuple("einval")},
		{"an unknown signal before a bad handler", []Term{Atom("sigzip"), 1}, errorTuple("enotsup")},
		{"an unknown handler", []Term{54, Atom("SIG_IGN")}, badarg},
		{"a binary for a handler", []Term{54, Binary("x")}, badarg},
		{"a string for a handler", []Term{54, String("x")}, badarg},
		{"an integer for a handler", []Term{54, 0}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrSigaction, test.args...), test.want) })
	}
	want(t, newAsker().ask(nrSigaction, Atom("sigkill"), List{}), Tuple{done, Atom("sig_dfl")})
}
