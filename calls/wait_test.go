//go:build linux

package calls

import (
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	. "github.com/alcove-go/alcove/test/porttest"
)

func TestWhatHappenedToAChild(t *testing.T) {
	for _, test := range []struct {
		status int
		want   Term
	}{
		{0, Tuple{Atom("exit_status"), 0}},
		{768, Tuple{Atom("exit_status"), 3}},
		{0xff00, Tuple{Atom("exit_status"), 255}},
		{9, Tuple{Atom("termsig"), Atom("sigkill")}},
		{134, Tuple{Atom("termsig"), Atom("sigabrt")}}, // with a core dump
		{35, Tuple{Atom("termsig"), Atom("unknown")}},
		{4991, Tuple{Atom("stopsig"), Atom("sigstop")}},
		{0x3057f, Tuple{Atom("stopsig"), Atom("sigtrap")}}, // PTRACE_EVENT_CLONE
		{0x857f, Tuple{Atom("stopsig"), Atom("unknown")}},  // PTRACE_O_TRACESYSGOOD
		{0xffff, Atom("continued")},
	} {
		a := newAsker()
		a.reply.Reset(a.buf)
		a.Calls.reply = &a.reply
		a.reply.Version()
		a.change(sys.WaitStatus(test.status))
		a.reply.Nil()
		want(t, MustDecode(a.reply.Bytes()), List{test.want})
	}
}

func TestWaitpidArguments(t *testing.T) {
	a := newAsker()
	want(t, a.ask(nrWaitpid, -1, Atom("wnohang")), badarg)
	want(t, a.ask(nrWaitpid, -1, List{Atom("__wclone")}), errorTuple("enotsup"))
	want(t, a.ask(nrWaitpid, -1, Integer(1<<8)), errorTuple("einval"))
}
