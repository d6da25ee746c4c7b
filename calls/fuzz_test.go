// SPDX-License-Identifier: ISC

package calls

import (
	"slices"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
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
		for _, args := range [][]pt.Term{
			{},
			{pt.Atom("sys_write")},
			{pt.Binary("A")},
			{pt.Binary("A"), pt.List{pt.String("1"), 2}, 1},
			{pt.List{pt.Binary("abcd"), pt.Tuple{pt.Atom("ptr"), 5}, pt.Tuple{pt.Atom("ptr"), pt.Binary("x")}}},
			{improper(pt.List{}, pt.Tuple{pt.Atom("ptr"), 70000})},
			{pt.Nested(17, pt.Binary("x"))},
			{1, pt.Atom("flowcontrol"), pt.SmallBig(1, 1)},
			{pt.Binary("\x00"), pt.Binary("\xff")},
			{pt.LargeBig(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)},
		} {
			f.Add(i, pt.Encode(pt.Tuple(args)))
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
		if _, err := pt.Decode(reply); err != nil {
			t.Error(err)
		}
		if !slices.Equal(before, body) {
			t.Error("the arguments were modified")
		}
	})
}
