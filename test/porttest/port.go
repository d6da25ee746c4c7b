// SPDX-License-Identifier: ISC

package porttest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Port is a running program. Its methods fail the test it was started for, or the one given to
// With.
type Port struct {
	t testing.TB
	*conn
}

// conn is what the Ports of one program share.
type conn struct {
	Pid  int
	Fifo string // path given with -c

	options options
	proc    *os.Process
	stdin   *os.File
	stdout  *os.File
	stderr  string // path
	control *os.File

	exited chan struct{} // closed when status is valid
	status *os.ProcessState

	hold sync.Mutex // held while the test does not read

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever something below changes
	raw     []byte        // what was read, from the start, up to a limit
	part    string        // what was read of a frame that is not complete
	queue   []Message     // not taken yet
	taken   []Message     // the last ones taken, for reports
	ended   bool          // stdout is at its end
	faults  []error
	looked  bool // a test asked for the exit status
}

// T returns the test that the program's failures fail.
func (p *Port) T() testing.TB { return p.t }

// With returns the same program for a subtest.
func (p *Port) With(t testing.TB) *Port { return &Port{t, p.conn} }

// read takes frames off the program's stdout until its end.
func (p *conn) read() {
	var pending []byte
	buf := make([]byte, 1<<17)
	for {
		p.hold.Lock()
		//lint:ignore SA2001 waits while somebody holds it
		p.hold.Unlock()
		n, err := p.stdout.Read(buf)
		pending = append(pending, buf[:n]...)
		var got []Message
		var faults []error
		for len(pending) >= 2 {
			end := 2 + int(binary.BigEndian.Uint16(pending))
			if len(pending) < end {
				break
			}
			m, bad := parse(pending[2:end])
			if bad != nil {
				faults = append(faults, fmt.Errorf("malformed frame % x: %w", cut(string(pending[:end]), 60), bad))
			}
			got = append(got, m)
			pending = pending[end:]
		}
		if err != nil && len(pending) > 0 && !p.options.anyEnd {
			faults = append(faults, fmt.Errorf("stdout ends inside a frame: % x", cut(string(pending), 60)))
		}
		p.note(func() {
			if len(p.raw) < 1<<16 {
				p.raw = append(p.raw, buf[:n]...)
			}
			p.part = string(pending)
			p.queue = append(p.queue, got...)
			p.faults = append(p.faults, faults...)
			p.ended = err != nil
		})
		if err != nil {
			return
		}
	}
}

// watch waits for the program's end.
func (p *conn) watch() {
	p.status, _ = wait(p.proc)
	close(p.exited)
}

// note changes what waiters look at.
func (p *conn) note(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
	close(p.changed)
	p.changed = make(chan struct{})
}

// Write sends bytes as they are.
func (p *Port) Write(b []byte) {
	p.t.Helper()
	p.stdin.SetWriteDeadline(time.Now().Add(run.patience))
	if n, err := p.stdin.Write(b); err != nil {
		p.fail("wrote %d of %d bytes: %v", n, len(b), err)
	}
}

// Send sends a call and waits for nothing.
func (p *Port) Send(to Pipeline, name string, args ...Term) {
	p.t.Helper()
	if ofLinux[name] {
		Linux(p.t, "the call "+name)
	}
	p.Write(CallFrame(to, name, args...))
}

// Stdin sends data for the standard input of the process at to.
func (p *Port) Stdin(to Pipeline, data string) {
	p.t.Helper()
	p.Write(StdinFrame(to, []byte(data)))
}

// Call sends a call and returns the reply, the first one from that process.
func (p *Port) Call(to Pipeline, name string, args ...Term) Term {
	p.t.Helper()
	p.Send(to, name, args...)
	return p.Reply(to, name).Term()
}

// Reply waits for the next reply of the process at to. Instead of a reply a ctl, pipe or exit
// message about the process fails the test, as no reply will come after it.
func (p *Port) Reply(to Pipeline, what string) Message {
	p.t.Helper()
	m := p.Receive(fmt.Sprintf("reply of %v to %s", to, what), func(m Message) bool {
		return m.Is(TypeCall, to) || len(to) > 0 && (m.Is(TypePipe, to) || m.equal(Ctl(to, "badpid")) || ends(m, to))
	})
	if m.Type != TypeCall {
		p.fail("%v to %s: instead of a reply came\n\t%v", to, what, m)
	}
	return m
}

func ends(m Message, of Pipeline) bool {
	t, _ := m.Term().(Tuple)
	return m.Is(TypeEvent, of) && len(t) == 2 && (t[0] == Atom("exit_status") || t[0] == Atom("termsig"))
}

// Want sends a call and compares the reply with the wanted term, byte for byte.
func (p *Port) Want(want Term, to Pipeline, name string, args ...Term) {
	p.t.Helper()
	p.Send(to, name, args...)
	got := p.Reply(to, name)
	if diff := Diff(want, got); diff != "" {
		p.t.Errorf("%v %s(%s): %s", to, name, formatAll(args), diff)
	}
}

// Diff compares the term of a message with the wanted one, byte for byte; "" when they are equal.
func Diff(want Term, got Message) string {
	expected := Encode(want)
	if string(expected) == got.Data {
		return ""
	}
	diff := cmp.Diff(Format(MustDecode(expected)), Format(got.Term()))
	return fmt.Sprintf("unexpected answer (-want +got):\n%s\twant %s\n\t     % x\n\tgot  %v\n\t     % x",
		diff, Format(want), cut(string(expected), 100), got, cut(got.Data, 100))
}

// OK makes a call that must answer {ok, Value} and returns Value; OK of a call that answers ok
// returns that atom.
func (p *Port) OK(to Pipeline, name string, args ...Term) Term {
	p.t.Helper()
	got := p.Call(to, name, args...)
	if t, _ := got.(Tuple); len(t) == 2 && t[0] == Atom("ok") {
		return t[1]
	}
	if got != Atom("ok") {
		p.fail("%v %s(%s): %s instead of {ok, _}", to, name, formatAll(args), Format(got))
	}
	return got
}

// Int makes a call that must answer an integer, bare or in {ok, _}.
func (p *Port) Int(to Pipeline, name string, args ...Term) int {
	p.t.Helper()
	got := p.Call(to, name, args...)
	if t, _ := got.(Tuple); len(t) == 2 && t[0] == Atom("ok") {
		got = t[1]
	}
	n, ok := got.(int)
	if !ok {
		p.fail("%v %s(%s): %s instead of an integer", to, name, formatAll(args), Format(got))
	}
	return n
}

// Fork forks the process at to and returns the pipeline of the child.
func (p *Port) Fork(to Pipeline) Pipeline {
	p.t.Helper()
	return to.Then(p.Int(to, "fork"))
}

// Clone does what Fork does, with namespaces.
func (p *Port) Clone(to Pipeline, flags ...Atom) Pipeline {
	p.t.Helper()
	var list List
	for _, f := range flags {
		list = append(list, f)
	}
	return to.Then(p.Int(to, "clone", list))
}

// Chain forks n processes, each below the one before, and returns the pipeline of the last.
func (p *Port) Chain(n int) Pipeline {
	p.t.Helper()
	var l Pipeline
	for range n {
		l = p.Fork(l)
	}
	return l
}

// Exec has the process at to execute a program, and waits until it does.
func (p *Port) Exec(to Pipeline, argv ...string) {
	p.t.Helper()
	p.SendExec(to, argv...)
	m := p.Receive(fmt.Sprintf("exec of %q in %v", argv, to), func(m Message) bool {
		return m.equal(Ctl(to, "fdctl_closed")) || m.Is(TypeCall, to) || ends(m, to)
	})
	if m.Type != TypeCtl {
		p.fail("exec of %q in %v: %v", argv, to, m)
	}
}

// Sh does what Exec does, for sh -c.
func (p *Port) Sh(to Pipeline, script string) {
	p.t.Helper()
	p.Exec(to, "/bin/sh", "-c", script)
}

// SendExec sends the execvp call and waits for nothing.
func (p *Port) SendExec(to Pipeline, argv ...string) {
	p.t.Helper()
	p.Write(ExecFrame(to, argv...))
}

// ExecFrame returns an execvp call; the file is the first of argv.
func ExecFrame(to Pipeline, argv ...string) []byte {
	var list List
	for _, a := range argv {
		list = append(list, Binary(a))
	}
	return CallFrame(to, "execvp", Binary(argv[0]), list)
}

// Signal sends a signal to the process at to, from outside. The pid must be one of this pid
// namespace.
func (p *Port) Signal(to Pipeline, sig syscall.Signal) {
	p.t.Helper()
	pid := p.Pid
	if len(to) > 0 {
		pid = to.Pid()
	}
	if err := syscall.Kill(pid, sig); err != nil {
		p.fail("kill(%d, %v): %v", pid, sig, err)
	}
}

// Stop ends the process at to, a child that runs the port, and takes the messages of its end.
func (p *Port) Stop(to Pipeline) {
	p.t.Helper()
	p.Send(to, "exit", 0)
	p.Await(Ctl(to, "fdctl_closed"))
	p.Await(ExitStatus(to, 0))
}

// Hold stops reading from the program; what it writes stays in the pipe, save for one read that may
// be under way.
func (p *Port) Hold() { p.hold.Lock() }

// Release goes on reading.
func (p *Port) Release() { p.hold.Unlock() }

// CloseInput closes the program's standard input.
func (p *Port) CloseInput() { p.stdin.Close() }

// CloseOutput goes away as a reader of the program's output, and waits until nobody reads from it:
// a program that another test just starts has all descriptors until it runs, and what is written
// meanwhile is no error.
func (p *Port) CloseOutput() {
	p.t.Helper()
	p.stdout.Close()
	Until(p.t, "nobody reads the program's output", func() bool {
		w, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", p.Pid), os.O_WRONLY, 0)
		if err != nil {
			return !Alive(p.Pid)
		}
		defer w.Close()
		fds := []unix.PollFd{{Fd: int32(w.Fd())}}
		n, err := unix.Poll(fds, 0)
		return n == 1 && err == nil && fds[0].Revents&unix.POLLERR != 0
	})
}

// Exit waits until the program has ended and returns its exit status, or minus the number of the
// signal that killed it. A test that calls it takes any status and any leftover as its own
// business.
func (p *Port) Exit() int {
	p.t.Helper()
	p.looked = true
	select {
	case <-p.exited:
	case <-time.After(run.patience):
		p.fail("the program does not end")
	}
	p.drained()
	return exitStatus(p.status)
}

func exitStatus(s *os.ProcessState) int {
	ws := s.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return -int(ws.Signal())
	}
	return ws.ExitStatus()
}

// drained waits until everything that an ended program wrote is in the queue. A program below it
// may still hold the pipe open; its output is of no interest.
func (p *Port) drained() {
	for range 3 {
		p.mu.Lock()
		ended, changed := p.ended, p.changed
		p.mu.Unlock()
		if ended {
			return
		}
		select {
		case <-changed:
		case <-time.After(time.Second):
		}
	}
}

// FifoClosed waits until the last process that holds the fifo open is gone.
func (p *Port) FifoClosed() {
	p.t.Helper()
	p.control.SetReadDeadline(time.Now().Add(run.patience))
	if n, err := p.control.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		p.fail("fifo: read %d bytes, %v, instead of end of file", n, err)
	}
}

// Stderr returns what the program wrote to stderr so far.
func (p *Port) Stderr() string {
	b, _ := os.ReadFile(p.stderr)
	return string(b)
}

// Raw returns what the program wrote to stdout, up to 64 KiB, as it is.
func (p *Port) Raw() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return string(p.raw)
}

// cleanup ends the program and judges how it went.
func (p *Port) cleanup() {
	below := descendants(p.Pid)
	if p.options.program == run.program {
		for _, proc := range append(below, process{pid: p.Pid}) {
			measureStack(proc.pid)
		}
	}
	p.CloseInput()
	select {
	case <-p.exited:
	case <-time.After(run.patience):
		p.t.Errorf("the program does not end after end of input\n%s", p.report())
		below = append(descendants(p.Pid), below...)
		p.proc.Kill()
		<-p.exited
	}
	p.drained()
	p.judge()
	p.buryAll(below)
	p.close()
}

func (p *Port) judge() {
	if s := exitStatus(p.status); s != 0 && !p.looked && !p.options.anyEnd {
		p.t.Errorf("exit status %d after end of input", s)
	}
	if s := p.Stderr(); s != "" && !p.options.talks {
		p.t.Errorf("the program wrote to stderr:\n%s", s)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := errors.Join(p.faults...); err != nil && !p.options.garbage {
		p.t.Error(err)
	}
}

// buryAll waits for the rest of the tree to go, and kills it where a test let programs live on.
func (p *Port) buryAll(below []process) {
	wait := time.Now().Add(run.patience)
	if p.looked || p.options.anyEnd {
		wait = time.Now()
	}
	for {
		reapOrphans()
		var left []string
		for _, q := range below {
			if q.lives() {
				left = append(left, q.String())
				if time.Now().After(wait) {
					syscall.Kill(q.pid, syscall.SIGKILL)
				}
			}
		}
		if len(left) == 0 {
			return
		}
		if time.Now().After(wait) && !p.looked && !p.options.anyEnd {
			p.t.Errorf("processes outlive the port:\n\t%s", strings.Join(left, "\n\t"))
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func (p *Port) close() {
	for _, f := range []*os.File{p.stdin, p.stdout, p.control} {
		if f != nil {
			f.Close()
		}
	}
	// The reader may be between two reads; its goroutine ends with the next one.
	Until(p.t, "the reader ends", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.ended || p.proc == nil })
}

// Bytes returns a string of n bytes that does not repeat itself in the size of a page.
func Bytes(n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.String()[:n]
}
