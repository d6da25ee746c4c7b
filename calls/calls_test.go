// SPDX-License-Identifier: ISC

package calls

import (
	"os"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port"
	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

const (
	badarg = pt.Atom("badarg")
	undef  = pt.Atom("undef")
	done   = pt.Atom("ok")
)

func errorTuple(name string) pt.Term { return pt.Tuple{pt.Atom("error"), pt.Atom(name)} }

// made returns the reply of a system call.
func made(result pt.Term, after ...pt.Term) pt.Term {
	return pt.Tuple{done, result, append(pt.Tuple{}, after...)}
}

// improper returns a list with a tail.
func improper(tail pt.Term, elements ...pt.Term) pt.Improper {
	return pt.Improper{Elements: elements, Tail: tail}
}

// An asker calls the calls of a process that never ran its loop.
type asker struct {
	*Calls
	buf   []byte
	reply etf.Encoder
}

func newAsker(env ...string) *asker {
	p := &port.Process{Pid: os.Getpid(), Env: pt.Given(env...), Arg0: []byte("alcove"), Title: make([]byte, 100)}
	p.Options.Given = port.NothingGiven
	c := new(Calls)
	c.Init(p, new(Memory))
	return &asker{Calls: c, buf: make([]byte, 0, p.ReplyLimit())}
}

// body returns how the arguments of a call arrive: with two bytes of slack.
func body(args ...pt.Term) []byte { return append(pt.Encode(pt.Tuple(args)), 0, 0) }

// answer returns the reply as it is sent.
func (a *asker) answer(nr int, body []byte) []byte {
	a.reply.Reset(a.buf)
	a.Answer(nr, body, &a.reply)
	return a.reply.Bytes()
}

// ask returns the reply to a call, nil if there is none.
func (a *asker) ask(nr int, args ...pt.Term) pt.Term {
	reply := a.answer(nr, body(args...))
	if len(reply) == 0 {
		return nil
	}
	return pt.MustDecode(reply)
}

func want(t *testing.T, got, want pt.Term) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

func TestEveryCallIsAnsweredInOneWay(t *testing.T) {
	for nr := range table {
		c := &table[nr]
		if callNames[nr] == "" {
			continue
		}
		if (c.run != nil) == (c.trap != 0 || c.reply != nil) {
			t.Errorf("%s: want either a method or a system call with its reply", callNames[nr])
		}
		if c.run != nil && (c.read[0] != nil || c.flush) {
			t.Errorf("%s: a method reads its arguments itself, and flushes itself", callNames[nr])
		}
	}
}

func TestOnlyTheCallsThatDoNotReturnOrContainOneReplaceTheProgram(t *testing.T) {
	var got []string
	a := newAsker()
	for nr, name := range callNames {
		if a.Execs(nr) {
			got = append(got, name)
		}
	}
	if diff := cmp.Diff([]string{"execve", "execvp", "fexecve", "batch"}, got); diff != "" {
		t.Error(diff)
	}
	if a.Execs(callCount) || a.Execs(callLimit) {
		t.Error("a number that is no call replaces the program")
	}
}

func TestDispatch(t *testing.T) {
	getpid := body()
	for _, test := range []struct {
		name string
		nr   int
		body []byte
		want pt.Term
	}{
		{"the number is beyond the last call of the C port", callCount, getpid, badarg},
		{"the number is beyond the last call", callLimit, getpid, badarg},
		{"the number is that of a call that nobody has asked for", nrGetdents, getpid, undef},
		{"the number is the highest that a frame can have", 65535, getpid, badarg},
		{"a call of another system is unknown, whatever its argument is", nrJail, body(pt.Float(1)), undef},
		{"a call of another system with the wrong arity", nrJail, body(), badarg},
		{"the body is one byte", nrVersion, []byte{131, 0, 0}, badarg},
		{"the arity of an empty tuple is missing", nrVersion, []byte{131, 104, 0, 0}, pt.Binary("1.0.1")},
		{"the version byte is wrong", nrVersion, []byte{130, 104, 0, 0, 0}, badarg},
		{"the arguments are a list", nrVersion, append(pt.Encode(pt.List{}), 0, 0), badarg},
		{"the arguments are a large tuple", nrErrnoId, append(pt.Encode(pt.LargeTuple{2}), 0, 0), pt.Atom("enoent")},
		{"there are too many arguments", nrVersion, body(1), badarg},
		{"there are too few arguments", nrErrnoId, body(), badarg},
		{"bytes after the last argument mean nothing", nrErrnoId, append(body(2), 1, 2, 3), pt.Atom("enoent")},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker()
			want(t, pt.MustDecode(a.answer(test.nr, test.body)), test.want)
		})
	}
}

func TestBlockedCallsAreUndefinedWhateverTheirBodyIs(t *testing.T) {
	a := newAsker()
	blocked := make([]byte, 13)
	blocked[nrVersion/8] |= 1 << (nrVersion % 8)
	blocked[nrFilter/8] |= 1 << (nrFilter % 8)
	want(t, a.ask(nrFilter, pt.Binary(blocked), pt.Binary("")), done)
	want(t, pt.MustDecode(a.answer(nrVersion, []byte("garbage"))), undef)
	want(t, a.ask(nrFilter, pt.Binary(""), pt.Binary("")), undef)
	want(t, a.ask(nrErrnoId, 2), pt.Atom("enoent"))
}

func TestFiltersAreJudgedBeforeAnyIsApplied(t *testing.T) {
	a := newAsker()
	all := pt.Binary("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	want(t, a.ask(nrFilter, all, all+"\x00"), badarg)
	want(t, a.ask(nrFilter, all, pt.List{}), badarg)
	want(t, a.ask(nrVersion), pt.Binary("1.0.1"))
	want(t, a.ask(nrFilter, all, all), done)
	want(t, a.ask(nrVersion), undef)
}

func TestRepliesThatDoNotFit(t *testing.T) {
	a := newAsker("A=" + strings.Repeat("x", 65536))
	limit := cap(a.buf)
	for _, test := range []struct {
		name string
		nr   int
		args []pt.Term
		want pt.Term
	}{
		{"environ", nrEnviron, nil, errorTuple("emsgsize")},
		{"getenv", nrGetenv, []pt.Term{pt.Binary("A")}, badarg},
		{"iolist_to_bin", nrIolistToBin, []pt.Term{pt.Binary(pt.Bytes(limit - 5))}, badarg},
		{"alloc", nrAlloc, []pt.Term{pt.List{pt.Tuple{pt.Atom("ptr"), 65535}}}, errorTuple("emsgsize")},
		{"ioctl", nrIoctl, []pt.Term{devNull(t), pt.Atom("fioclex"), pt.List{pt.Tuple{pt.Atom("ptr"), 65535}}}, errorTuple("emsgsize")},
		{"prctl", nrPrctl, []pt.Term{pt.Atom("pr_get_name"), pt.List{pt.Binary(pt.Bytes(16)), pt.Tuple{pt.Atom("ptr"), 65519}}, 0, 0, 0}, errorTuple("emsgsize")},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, a.ask(test.nr, test.args...), test.want)
			want(t, a.ask(nrVersion), pt.Binary("1.0.1"))
		})
	}
	fitting := pt.Binary(pt.Bytes(limit - 6))
	want(t, a.ask(nrIolistToBin, fitting), fitting)
}

// devNull opens a file that is there on every system.
func devNull(t testing.TB) int {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return int(f.Fd())
}

func TestSignalNames(t *testing.T) {
	a := newAsker()
	for signo, name := range map[int]string{
		-1: "unknown", 0: "unknown", 1: "sighup", 6: "sigabrt", 17: "sigchld",
		29: "sigio", 31: "sigsys", 32: "unknown", 64: "unknown",
	} {
		if got := a.SignalName(signo); got != name {
			t.Errorf("signal %d is %q, want %q", signo, got, name)
		}
	}
}
