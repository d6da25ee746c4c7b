package calls

import (
	"slices"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

// Calls that, whatever their arguments are, do nothing to the process of the
// tests.
var harmless = []int{
	nrAlloc, nrCapRightsLimit, nrClearenv, nrCloneConstant, nrCpid, nrEnviron, nrErrnoId,
	nrFilter, nrGetenv, nrGetopt, nrGetpid, nrGetrlimit, nrIoctlConstant, nrIolistToBin,
	nrSetcpid, nrSetenv, nrSetproctitle, nrSyscallConstant, nrUnsetenv, nrVersion,
}

// Whatever the body of a call is, the reply is one term that fits.
func FuzzAnswer(f *testing.F) {
	for i := range harmless {
		for _, args := range [][]Term{
			{},
			{Atom("sys_write")},
			{Binary("A")},
			{Binary("A"), List{String("1"), 2}, 1},
			{List{Binary("abcd"), Tuple{Atom("ptr"), 5}, Tuple{Atom("ptr"), Binary("x")}}},
			{improper(List{}, Tuple{Atom("ptr"), 70000})},
			{Nested(17, Binary("x"))},
			{1, Atom("flowcontrol"), SmallBig(1, 1)},
			{Binary("\x00"), Binary("\xff")},
			{LargeBig(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		} {
			f.Add(i, Encode(Tuple(args)))
		}
	}
	f.Fuzz(func(t *testing.T, i int, b []byte) {
		if len(b) == 0 || len(b) > 65535 || i < 0 {
			t.Skip()
		}
		a := newAsker("A=1", "B=2")
		body := append(slices.Clip(b), 0, 0)
		before := slices.Clone(body)
		reply := a.answer(harmless[i%len(harmless)], body)
		if len(reply) > a.p.ReplyLimit() {
			t.Errorf("the reply has %d bytes", len(reply))
		}
		if _, err := Decode(reply); err != nil {
			t.Error(err)
		}
		if !slices.Equal(before, body) {
			t.Error("the arguments were modified")
		}
	})
}
