// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// traced starts the program with a trace. What it shows of an event is written before
// the event's frame is.
func traced(t *testing.T, opts ...pt.Option) *pt.Port {
	t.Helper()
	return pt.Start(t, append([]pt.Option{pt.Env("ALCOVE_TRACE=1", "PATH="+os.Getenv("PATH")), pt.Talks()}, opts...)...)
}

// A reader takes what was traced since it was last asked, without the newlines.
type traceReader struct {
	p    *pt.Port
	seen int
}

func (r *traceReader) lines() []string {
	all := r.p.Stderr()
	fresh := all[r.seen:]
	r.seen = len(all)
	return slices.Collect(strings.Lines(strings.ReplaceAll(fresh, "\n", " \n")))
}

// wants fails unless exactly these lines were traced since the last time. {} stands for
// the pid of the port.
func (r *traceReader) wants(t *testing.T, want ...string) {
	t.Helper()
	var lines []string
	for _, line := range want {
		lines = append(lines, strings.ReplaceAll(line, "{}", fmt.Sprint(r.p.Pid))+" \n")
	}
	if diff := cmp.Diff(lines, r.lines()); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
}

func TestTraceShowsACallAndItsReplyInEveryProcessThatTheyPass(t *testing.T) {
	p := traced(t)
	trace := &traceReader{p: p}
	a := p.Fork(nil)
	trace.wants(t,
		"{} < [] call fork()",
		fmt.Sprintf("{} > [] reply {ok,%d}", a.Pid()))
	p.Want(okTuple(6), a, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_rdwr"), pt.Atom("o_cloexec")}, 0)
	data := fmt.Sprint(pt.CallFrame(nil, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_rdwr"), pt.Atom("o_cloexec")}, 0))
	data = strings.ReplaceAll(strings.Trim(data, "[]"), " ", ",")
	trace.wants(t,
		fmt.Sprintf("{} < %v stdin %d bytes <<%s>>", a, 1+strings.Count(data, ","), data),
		fmt.Sprintf(`%d < [] call open(<<"/dev/null">>,[o_rdwr,o_cloexec],0)`, a.Pid()),
		fmt.Sprintf("%d > [] reply {ok,6}", a.Pid()),
		fmt.Sprintf("{} > %v reply {ok,6}", a))
	b := p.Fork(a)
	trace.lines()
	p.Want(b.Pid(), b, "getpid")
	lines := trace.lines()
	want := []string{
		fmt.Sprintf("%d < [] call getpid() \n", b.Pid()),
		fmt.Sprintf("%d > [] reply %d \n", b.Pid(), b.Pid()),
		fmt.Sprintf("%d > [%d] reply %d \n", a.Pid(), b.Pid(), b.Pid()),
		fmt.Sprintf("%d > %v reply %d \n", p.Pid, b, b.Pid()),
	}
	if len(lines) != 6 {
		t.Fatalf("trace of a call two processes away: %q", lines)
	}
	if diff := cmp.Diff(want, lines[2:]); diff != "" {
		t.Errorf("trace (-want +got):\n%s", diff)
	}
}

func TestTraceShowsWhatGoesToAProgramAndComesFromIt(t *testing.T) {
	p := traced(t)
	a := p.Fork(nil)
	trace := &traceReader{p: p}
	trace.lines()
	p.Sh(a, "read line; echo $line; echo no >&2; read line; exit 3")
	exec := trace.lines()
	if len(exec) != 3 || !strings.HasSuffix(exec[1], `exit 3">>]) `+"\n") {
		t.Errorf("trace of an exec: %q", exec)
	}
	if got, want := exec[len(exec)-1], fmt.Sprintf("%d > %v ctl fdctl_closed \n", p.Pid, a); got != want {
		t.Errorf("end of the trace of an exec: %q, want %q", got, want)
	}
	p.Stdin(a, "yes\n")
	p.Await(pt.Stdout(a, "yes\n"))
	p.Await(pt.Stderr(a, "no\n"))
	p.Stdin(a, "\x00")
	p.Stdin(a, "\n")
	p.Await(pt.ExitStatus(a, 3))
	p.Stdin(a, "x")
	p.Await(pt.Ctl(a, "badpid"))
	trace.wants(t,
		fmt.Sprintf(`{} < %v stdin 4 bytes <<"yes\n">>`, a),
		fmt.Sprintf(`{} > %v stdout 4 bytes <<"yes\n">>`, a),
		fmt.Sprintf(`{} > %v stderr 3 bytes <<"no\n">>`, a),
		fmt.Sprintf(`{} < %v stdin 1 byte <<0>>`, a),
		fmt.Sprintf(`{} < %v stdin 1 byte <<"\n">>`, a),
		fmt.Sprintf("{} > %v event {exit_status,3}", a),
		fmt.Sprintf(`{} < %v stdin 1 byte <<"x">>`, a),
		fmt.Sprintf("{} > %v ctl badpid", a))
}

func TestTraceShowsThatAPipeIsFull(t *testing.T) {
	p := traced(t)
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	trace := &traceReader{p: p}
	trace.lines()
	for range 2 {
		p.Stdin(a, pt.Bytes(60_000))
	}
	n := p.Receive("pipe", func(m pt.Message) bool { return m.Is(pt.TypePipe, a) }).Term().(int)
	lines := trace.lines()
	if want := fmt.Sprintf("%d > %v pipe %d \n", p.Pid, a, n); !slices.Contains(lines, want) {
		t.Errorf("trace %.200q lacks %q", lines, want)
	}
}

func TestTraceShowsWhyTheProcessDoesNotAnswer(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        []string
	}{
		{"no input", "", []string{"{} > [] ends with status 0"}},
		{"half a length", "\x00", []string{"{} < [] 1 byte of a frame", "{} > [] ends with status 0"}},
		{"half a frame", "\x01\x00\x00\x04\x00", []string{"{} < [] 5 bytes of a frame of 258", "{} > [] ends with status 0"}},
		{"no frame", "\x00\x03\x00\x63!", []string{
			"{} < [] no frame that may come here: 5 bytes <<0,3,0,99,33>>", "{} > [] ends with status 0"}},
		{"a call without a number", "\x00\x02\x00\x04", []string{
			"{} < [] no frame that may come here: 4 bytes <<0,2,0,4>>", "{} > [] ends with status 0"}},
		{"a number that is no call's", string(pt.RawCallFrame(nil, 100, pt.EncodeCall(1, pt.Atom("x")))), []string{
			"{} < [] call 100(1,x)", "{} > [] reply badarg", "{} > [] ends with status 0"}},
		{"arguments that are no tuple", string(pt.RawCallFrame(nil, 0, pt.Encode(pt.List{1}))), []string{
			"{} < [] call alloc with [1]", "{} > [] reply badarg", "{} > [] ends with status 0"}},
		{"arguments that are no term", string(pt.RawCallFrame(nil, pt.Number("getpid"), []byte("!"))), []string{
			"{} < [] call getpid with ?", "{} > [] reply badarg", "{} > [] ends with status 0"}},
		{"an argument that is no term", string(pt.RawCallFrame(nil, pt.Number("chdir"), []byte("\x83h\x01!"))), []string{
			"{} < [] call chdir(?)", "{} > [] reply badarg", "{} > [] ends with status 0"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := traced(t)
			p.Write([]byte(c.input))
			p.CloseInput()
			p.Exit()
			(&traceReader{p: p}).wants(t, c.want...)
		})
	}
}

func TestTraceIsOffUnlessTheVariableHasAValue(t *testing.T) {
	for _, env := range [][]string{{}, {"ALCOVE_TRACE="}, {"ALCOVE_TRACER=1", "XALCOVE_TRACE=1"}, {"ALCOVE_TRACE"}} {
		p := pt.Start(t, pt.Env(env...)) // the test fails if anything is on standard error
		p.Stop(p.Fork(nil))
	}
	p := pt.Start(t, pt.Env("ALCOVE_TRACE=1", "=", "X"), pt.Talks())
	p.Quiet()
	if p.Stderr() == "" {
		t.Error("no trace with an environment that is kept as it is")
	}
}

func TestTraceChangesNothingButStandardError(t *testing.T) {
	session := func(p *pt.Port) string {
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		cpid := p.Call(nil, "cpid")
		p.Sh(a, "echo out; echo err >&2; exec cat")
		p.Await(pt.Stdout(a, "out\n"))
		p.Await(pt.Stderr(a, "err\n"))
		return strings.ReplaceAll(pt.Format(cpid), fmt.Sprint(a.Pid()), "PID")
	}
	plain, withTrace := session(pt.Start(t)), session(traced(t))
	if plain != withTrace {
		t.Errorf("cpid (-without +with a trace):\n%s", cmp.Diff(plain, withTrace))
	}
}

func TestTraceCostsOneWriteForEachLine(t *testing.T) {
	const rounds = 20
	p := traced(t)
	p.Int(nil, "getuid")
	strace := pt.Attach(t, p.Pid)
	for range rounds {
		p.Int(nil, "getuid")
	}
	names := strace.Detach()
	if n := pt.Count(names, "write"); n != 2*rounds {
		t.Errorf("%d write for %d calls", n, rounds)
	}
	for _, name := range pt.Kinds(names) {
		if !slices.Contains([]string{"restart_syscall", "poll", "ppoll", "read", "write", "writev", "getuid"}, name) {
			t.Errorf("%d %s", pt.Count(names, name), name)
		}
	}
}

func TestTraceHasLinesOfAtMost512Bytes(t *testing.T) {
	p := traced(t)
	a := p.Fork(nil)
	p.Want(pt.Binary(pt.Bytes(65000)), a, "iolist_to_bin", pt.Binary(pt.Bytes(65000)))
	p.Exec(a, "head", "-c", "65000", "/dev/zero")
	p.Finish(a, pt.ExitStatus(a, 0))
	long := 0
	for _, line := range (&traceReader{p: p}).lines() {
		line = strings.TrimSuffix(line, " \n")
		if len(line) > 511 {
			t.Errorf("%d bytes: %.80s", len(line), line)
		}
		if len(line) == 511 {
			long++
			if !strings.HasSuffix(line, "...") {
				t.Errorf("the end of a line that is cut: %q", line[480:])
			}
		}
	}
	if long < 5 {
		t.Errorf("%d lines that are cut", long)
	}
}

func TestTraceDescriptorStaysInTheTree(t *testing.T) {
	p := traced(t)
	a, b := p.Fork(nil), p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Want(b.Pid(), b, "getpid")
	stderr := pt.FDs(p.Pid)[2]
	for _, pid := range []int{p.Pid, a.Pid(), b.Pid()} {
		if fds := pt.FDs(pid); fds[100] != stderr {
			t.Errorf("descriptors of %d: %v, want %s on 100", pid, fds, stderr)
		}
	}
	p.Exec(a, "sleep", "1000")
	for fd, target := range pt.FDs(a.Pid()) {
		if fd == 100 || target == stderr {
			t.Errorf("descriptor %d of a program is %s", fd, target)
		}
	}
}

func TestTraceEndsWhenItsDescriptorIsClosed(t *testing.T) {
	p := traced(t)
	p.Want(ok, nil, "close", 100)
	trace := &traceReader{p: p}
	if lines := trace.lines(); len(lines) != 1 {
		t.Errorf("trace %q, want only the call that closes it", lines)
	}
	p.Want(okTuple(100), nil, "fcntl", 0, unix.F_DUPFD, 100)
	p.Int(nil, "getuid")
	trace.wants(t)
}

func TestTraceWorksWithFewDescriptors(t *testing.T) {
	p := traced(t, pt.Shell("ulimit -n 40"))
	p.Stop(p.Fork(nil))
	if fds := pt.FDs(p.Pid); fds[6] != fds[2] {
		t.Errorf("descriptors %v, want the trace on 6", fds)
	}
	if p.Stderr() == "" {
		t.Error("no trace")
	}
}

func TestTraceNeedsAStandardError(t *testing.T) {
	p := traced(t, pt.Closed(2))
	p.Stop(p.Fork(nil))
}

// The standard error of a process of the tree is a pipe whose reader takes what comes
// for output.
func TestProcessThatExecutesTheProgramAgainHasNoTrace(t *testing.T) {
	p := traced(t)
	a := p.Fork(nil)
	for _, fd := range []int{3, 4, 5} {
		p.Want(okTuple(0), a, "fcntl", fd, pt.Atom("f_setfd"), 0)
	}
	trace := &traceReader{p: p}
	p.SendExec(a, pt.Program(), "-d", "1")
	p.Await(pt.Reply(a, ok))
	trace.lines()
	p.Want(a.Pid(), a, "getpid")
	if lines := trace.lines(); len(lines) != 2 {
		t.Errorf("trace %q, want what the parent saw", lines)
	}
	p.Stop(a)
	p.Quiet()

	top := pt.Launch(t, pt.NoFifo(), pt.Args("-d", "3"), pt.Env("ALCOVE_TRACE=1"), pt.Talks())
	top.Next(pt.Reply(nil, ok))
	top.Int(nil, "getuid")
	if got := top.Stderr(); strings.Count(got, "\n") != 2 {
		t.Errorf("trace of a process without a parent: %q", got)
	}
}
