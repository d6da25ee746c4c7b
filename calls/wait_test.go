//go:build linux

// SPDX-License-Identifier: ISC

package calls

import (
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestWhatHappenedToAChild(t *testing.T) {
	for _, test := range []struct {
		status int
		want   pt.Term
	}{
		{0, pt.Tuple{pt.Atom("exit_status"), 0}},
		{768, pt.Tuple{pt.Atom("exit_status"), 3}},
		{0xff00, pt.Tuple{pt.Atom("exit_status"), 255}},
		{9, pt.Tuple{pt.Atom("termsig"), pt.Atom("sigkill")}},
		{134, pt.Tuple{pt.Atom("termsig"), pt.Atom("sigabrt")}}, // with a core dump
		{35, pt.Tuple{pt.Atom("termsig"), pt.Atom("unknown")}},
		{4991, pt.Tuple{pt.Atom("stopsig"), pt.Atom("sigstop")}},
		{0x3057f, pt.Tuple{pt.Atom("stopsig"), pt.Atom("sigtrap")}}, // PTRACE_EVENT_CLONE
		{0x857f, pt.Tuple{pt.Atom("stopsig"), pt.Atom("unknown")}},  // PTRACE_O_TRACESYSGOOD
		{0xffff, pt.Atom("continued")},
	} {
		a := newAsker()
		a.reply.Reset(a.buf)
		a.Calls.reply = &a.reply
		a.reply.Version()
		a.change(sys.WaitStatus(test.status))
		a.reply.Nil()
		want(t, pt.MustDecode(a.reply.Bytes()), pt.List{test.want})
	}
}

func TestWaitpidArguments(t *testing.T) {
	a := newAsker()
	want(t, a.ask(nrWaitpid, -1, pt.Atom("wnohang")), badarg)
	want(t, a.ask(nrWaitpid, -1, pt.List{pt.Atom("__wclone")}), errorTuple("enotsup"))
	want(t, a.ask(nrWaitpid, -1, pt.Integer(1<<8)), errorTuple("einval"))
}
