// SPDX-License-Identifier: ISC

package calls

import (
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestSigactionAnswersWhatWasBefore(t *testing.T) {
	const unused = 54 // no test and no runtime has a use for it
	a := newAsker()
	old := func(name pt.Atom) pt.Term { return pt.Tuple{done, name} }
	a.ask(nrSigaction, unused, pt.Atom("sig_ign"))
	want(t, a.ask(nrSigaction, unused, pt.Binary("")), old("sig_ign"))
	want(t, a.ask(nrSigaction, unused, pt.Atom("sig_dfl")), old("sig_ign"))
	want(t, a.ask(nrSigaction, unused, pt.List{}), old("sig_dfl"))
	want(t, a.ask(nrSigaction, pt.Atom("sigurg"), pt.List{}), old("sig_info")) // a handler of the Go runtime
}

func TestTakingSIGCHLDIsAPromiseOfTheProcess(t *testing.T) {
	a := newAsker()
	for _, step := range []struct {
		handler pt.Term
		old     pt.Atom
		taken   bool
	}{
		{pt.List{}, "sig_dfl", false},
		{pt.Atom("sig_info"), "sig_dfl", true},
		{pt.Binary(""), "sig_info", true},
		{pt.Atom("sig_ign"), "sig_info", false},
		{pt.Atom("sig_ign"), "sig_dfl", false},
		{pt.Atom("sig_info"), "sig_dfl", true},
		{pt.Atom("sig_dfl"), "sig_info", false},
	} {
		want(t, a.ask(nrSigaction, pt.Atom("sigchld"), step.handler), pt.Tuple{done, step.old})
		if a.p.SIGCHLDTaken != step.taken {
			t.Errorf("after %s it is taken: %v", pt.Format(step.handler), a.p.SIGCHLDTaken)
		}
	}
}

// bettered: D12, sigaction does not hide errors.
func TestSigactionRefuses(t *testing.T) {
	ign := pt.Atom("sig_ign")
	for _, test := range []struct {
		name string
		args []pt.Term
		want pt.Term
	}{
		{"to ignore SIGKILL", []pt.Term{pt.Atom("sigkill"), ign}, errorTuple("einval")},
		{"to handle SIGSTOP", []pt.Term{pt.Atom("sigstop"), pt.Atom("sig_info")}, errorTuple("einval")},
		{"signal 0", []pt.Term{0, ign}, errorTuple("einval")},
		{"a negative signal", []pt.Term{-1, pt.List{}}, errorTuple("einval")},
		{"a signal of libc", []pt.Term{32, pt.List{}}, errorTuple("einval")},
		{"another signal of libc", []pt.Term{33, ign}, errorTuple("einval")},
		{"a signal that is too high", []pt.Term{65, ign}, errorTuple("einval")},
		{"an unknown signal before a bad handler", []pt.Term{pt.Atom("sigzip"), 1}, errorTuple("enotsup")},
		{"an unknown handler", []pt.Term{54, pt.Atom("SIG_IGN")}, badarg},
		{"a binary for a handler", []pt.Term{54, pt.Binary("x")}, badarg},
		{"a string for a handler", []pt.Term{54, pt.String("x")}, badarg},
		{"an integer for a handler", []pt.Term{54, 0}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrSigaction, test.args...), test.want) })
	}
	want(t, newAsker().ask(nrSigaction, pt.Atom("sigkill"), pt.List{}), pt.Tuple{done, pt.Atom("sig_dfl")})
}
