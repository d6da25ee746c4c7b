// SPDX-License-Identifier: ISC

package test

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// What hostile programs and processes do, and what runs out below the port.

// The program reads slowly, being stopped most of the time, so that some data is taken whole, some
// in part and some not at all. What it got is what {pipe, N} and the sizes say, byte for byte.
func TestDataOfEverySizeIsAccountedForToTheByte(t *testing.T) {
	t.Parallel()
	const atOnce = 16
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "md5sum")
	sum := md5.New()
	all := pt.Bytes(65527)
	frame := pt.StdinFrame(a, []byte(all)) // its length and its end are changed
	whole, part, none := 0, 0, 0
	for first := 0; first <= len(all); first += atOnce {
		stopped := first%(4*atOnce) > 0
		if stopped {
			p.Signal(a, syscall.SIGSTOP)
		}
		last := min(first+atOnce, len(all)+1)
		for size := first; size < last; size++ {
			binary.BigEndian.PutUint16(frame, uint16(len(frame)-len(all)-2+size))
			p.Write(frame[:len(frame)-len(all)+size])
			p.Send(nil, "getpid")
		}
		for size := first; size < last; size++ {
			taken := size
			m := p.Any()
			if m.Is(pt.TypePipe, a) {
				taken, _ = m.Term().(int)
				if taken >= size {
					t.Errorf("of %d bytes {pipe, %d}", size, taken)
				}
				m = p.Any()
			}
			if !m.Is(pt.TypeCall, nil) {
				t.Fatalf("size %d: %v", size, m)
			}
			switch taken {
			case size:
				whole++
			case 0:
				none++
			default:
				part++
			}
			io.WriteString(sum, all[:taken])
		}
		if stopped {
			p.Signal(a, syscall.SIGCONT)
		}
	}
	endOfFile(t, p, a)
	if got, want := p.Finish(a, pt.ExitStatus(a, 0)), fmt.Sprintf("%x  -\n", sum.Sum(nil)); got != want {
		t.Errorf("the program got data with the sum %q, want %q", got, want)
	}
	t.Logf("%d taken whole, %d in part, %d not at all", whole, part, none)
	if whole < 1000 || part < 100 || none < 1000 {
		t.Errorf("%d taken whole, %d in part, %d not at all: that shows little", whole, part, none)
	}
	p.Quiet()
}

// Output without end on both streams, which nobody reads for a while: the others answer before and
// after, and the port holds no more than it may.
func TestFloodOfOutputDelaysNobodyElse(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	c := p.Fork(b)
	p.Exec(c, "cat")
	p.Want(p.Pid, nil, "getpid")
	before := rss(t, p.Pid)
	p.Sh(a, "yes out & yes err >&2; wait")
	output := func(m pt.Message) bool { return m.Is(pt.TypeStdout, a) || m.Is(pt.TypeStderr, a) }
	for range 100 {
		p.Want(p.Pid, nil, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Stdin(c, "x")
		p.Await(pt.Stdout(c, "x"))
		p.Receive("output", output)
		for _, m := range p.Queue() {
			if !output(m) {
				t.Errorf("unexpected %v", m)
			}
		}
	}
	if grown := rss(t, p.Pid) - before; grown > 2000 {
		t.Errorf("the port grew by %d KiB", grown)
	}
	// Not one stream is served at the cost of the other.
	p.Receive("standard output", func(m pt.Message) bool { return m.Is(pt.TypeStdout, a) })
	p.Receive("standard error", func(m pt.Message) bool { return m.Is(pt.TypeStderr, a) })
	// All three are killed: sh is stopped, or it might end of itself when the others have.
	p.Signal(a, syscall.SIGSTOP)
	pt.Until(t, "the shell stops", func() bool { return pt.State(a.Pid()) == "T" })
	for _, pid := range append(pt.Children(a.Pid()), a.Pid()) {
		kill(t, pid, syscall.SIGKILL)
	}
	p.Await(pt.TermSig(a, "sigkill"))
	p.Want(b.Pid(), b, "getpid")
}

// A process that closes one of its descriptors, by a call or as a program, hurts itself at most.
func TestProcessThatClosesItsDescriptorsHurtsNobodyElse(t *testing.T) {
	p := pt.Start(t, pt.Garbage())
	b := p.Fork(nil)
	for depth := range 3 {
		parent := p.Chain(depth)
		for fd := range 6 {
			a := p.Fork(parent)
			below := p.Fork(a)
			p.Want(below.Pid(), below, "getpid")
			program := p.Fork(parent)
			p.Sh(program, fmt.Sprintf("exec %d>&-; kill -STOP $$", fd))
			p.Send(a, "close", fd)
			for range 5 {
				p.Want(b.Pid(), b, "getpid")
				p.Want(p.Pid, nil, "getpid")
			}
			for _, l := range []pt.Pipeline{a, program} {
				// It may end of itself at any moment, also between a look at it and the signal.
				if err := syscall.Kill(l.Pid(), syscall.SIGKILL); err != nil && err != syscall.ESRCH {
					t.Fatal(err)
				}
				p.Receive("the end of one without a descriptor", func(m pt.Message) bool { return m.Is(pt.TypeEvent, l) })
			}
			pt.Gone(t, below.Pid())
			if len(parent) > 0 {
				p.Want(parent.Pid(), parent, "getpid")
			}
			wantPids(t, p, parent, map[bool][]pt.Pipeline{true: {b}}[depth == 0]...)
			p.Queue()
		}
		if depth > 0 {
			p.Stop(parent[:1])
		}
	}
}

func TestEveryDescriptorLimitOfAChildGivesErrorsAndNeverADeath(t *testing.T) {
	t.Parallel()
	p := pt.Start(t)
	for limit := 8; limit <= 80; limit++ {
		a := p.Chain(1 + limit%2)
		p.Want(ok, a, "setrlimit", pt.Atom("rlimit_nofile"), rlimit(limit, limit))
		p.Want(min(64, (limit-6)/6), a, "getopt", pt.Atom("maxchild"))
		children := forkUntilError(t, p, a)
		// The first child takes eight at the time of its fork.
		if want := min(64, (limit-6)/6); len(children) != want && limit >= 14 {
			t.Errorf("%d children with a limit of %d, want %d", len(children), limit, want)
		}
		files := openUntilError(t, p, a)
		for _, b := range children {
			p.Want(b.Pid(), b, "getpid")
		}
		for i, b := range children[:min(1, len(children))] {
			p.SendExec(b, "/bin/echo", "out")
			p.Await(pt.Ctl(b, "fdctl_closed"))
			if out := p.Finish(b, pt.ExitStatus(b, 0)); out != "out\n" {
				t.Errorf("child %d with a limit of %d says %q", i, limit, out)
			}
		}
		for _, fd := range files {
			p.Want(ok, a, "close", fd)
		}
		p.Want(a.Pid(), a, "getpid")
		p.Quiet(nil, a)
		p.Stop(a[:1])
	}
}

// The user of the port itself has as many processes as it may have.
func TestProcessLimitOfThePortIsAnErrorReply(t *testing.T) {
	pt.Need(t, "CAP_SETUID", 7)
	p := pt.Start(t)
	uid := stranger()
	p.Want(ok, nil, "setresuid", uid, uid, uid)
	p.Want(ok, nil, "setrlimit", pt.Atom("rlimit_nproc"), rlimit(5, 5))
	for range 3 {
		children := forkUntilError(t, p, nil)
		if len(children) != 4 {
			t.Errorf("%d children with a limit of 5 processes", len(children))
		}
		p.Want(errno("eagain"), nil, "clone", 0)
		p.Want(errno("eagain"), children[0], "fork")
		p.SendExec(children[1], "/bin/echo", "out")
		p.Await(pt.Ctl(children[1], "fdctl_closed"))
		if out := p.Finish(children[1], pt.ExitStatus(children[1], 0)); out != "out\n" {
			t.Errorf("the program says %q", out)
		}
		for _, b := range slices.Delete(children, 1, 2) {
			p.Want(b.Pid(), b, "getpid")
			p.Stop(b)
		}
	}
	p.Quiet()
}

// Tables and buffers cannot grow: whoever needs one gets an error, or waits until another is free.
func TestNothingIsLostWhenAddressSpaceRunsOut(t *testing.T) {
	for depth := range 2 {
		p := pt.Start(t, pt.Shell("ulimit -n 4096"), pt.Args("-m", "400"))
		to := p.Chain(depth)
		p.Want(true, to, "setopt", pt.Atom("maxchild"), 400)
		for _, what := range []string{"rlimit_as", "rlimit_data"} {
			p.Want(ok, to, "setrlimit", pt.Atom(what), rlimit(4096, infinity))
		}
		var children []pt.Pipeline
		for {
			r, _ := p.Call(to, "fork").(pt.Tuple)
			pid, is := r[1].(int)
			if !is {
				if e := pt.Format(r); e != "{error,enomem}" {
					t.Errorf("fork: %s", e)
				}
				break
			}
			children = append(children, to.Then(pid))
		}
		if len(children) < 10 || len(children) == 400 {
			t.Errorf("%d children", len(children))
		}
		for _, b := range children {
			p.Want(b.Pid(), b, "getpid")
		}
		// Half a frame of each of several children: the parent would need a buffer for each.
		const halves = 8
		whole := pt.Frame(pt.TypeCall, pt.Encode(pt.Binary(pt.Bytes(1000))))
		var outputs []*os.File
		for _, b := range children[:halves] {
			f := openStdout(t, b)
			defer f.Close()
			outputs = append(outputs, f)
			if _, err := f.Write(whole[:500]); err != nil {
				t.Fatal(err)
			}
		}
		p.Want(p.Pid, nil, "getpid")
		for i := range outputs {
			if _, err := outputs[halves-1-i].Write(whole[500:]); err != nil {
				t.Fatal(err)
			}
		}
		for _, b := range children[:halves] {
			p.Await(pt.Reply(b, pt.Binary(pt.Bytes(1000))))
		}
		for _, b := range children {
			p.Want(b.Pid(), b, "getpid")
		}
		// What the kernel makes of an exec is its affair.
		p.SendExec(children[0], "/bin/echo", "out")
		p.Receive("end of the exec", func(m pt.Message) bool { return m.Is(pt.TypeEvent, children[0]) || m.Is(pt.TypeCall, children[0]) })
		p.Want(p.Int(to, "getpid"), to, "getpid")
	}
}

// A child is traced, stopped or not, killed, waited for, and reaping changes hands, in every order.
// It is reported once, by waitpid or by an event, and the process that did all this answers.
func TestChildIsReportedOnceInEveryOrderOfTracingWaitingAndEnding(t *testing.T) {
	p := pt.Start(t)
	witness := p.Fork(nil)
	steps := []string{"take", "give", "attach", "wait", "kill"}
	for n, order := range permutations(steps) {
		a := p.Fork(nil)
		if n%2 == 0 {
			p.Exec(a, "sleep", "1000")
		}
		reports := 0
		look := func() {
			for _, m := range p.Queue() {
				if m.Is(pt.TypeEvent, a) {
					reports++
				}
			}
		}
		ended := false
		wait := func(options ...pt.Term) {
			p.Send(nil, "waitpid", a.Pid(), pt.List(options))
			if r, _ := p.Reply(nil, "waitpid").Term().(pt.Tuple); len(r) == 4 && r[0] == ok && r[1] == a.Pid() &&
				strings.Contains(pt.Format(r[3]), "termsig") {
				reports++
			}
		}
		for _, step := range order {
			switch step {
			case "take":
				p.Send(nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
				p.Reply(nil, step)
			case "give":
				p.Send(nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_dfl"))
				p.Reply(nil, step)
			case "attach":
				p.Send(nil, "ptrace", pt.Atom("ptrace_attach"), a.Pid(), 0, 0)
				p.Reply(nil, step)
			case "wait":
				wait(pt.Atom("wnohang"))
			case "kill":
				kill(t, a.Pid(), syscall.SIGKILL)
				pt.Until(t, "the child ends", func() bool { return !pt.Alive(a.Pid()) })
				ended = true
			}
			p.Want(witness.Pid(), witness, "getpid")
			look()
		}
		// SIGCHLD may be taken over still, or its only one have come meanwhile.
		p.Send(nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_dfl"))
		p.Reply(nil, "give")
		other := p.Fork(nil)
		p.Send(other, "exit", 0)
		p.Await(pt.ExitStatus(other, 0))
		look()
		wait(pt.Atom("wnohang"))
		if !ended || reports != 1 {
			t.Errorf("%v: the child was reported %d times", order, reports)
		}
		wantPids(t, p, nil, witness)
	}
	if z := pt.Zombies(p.Pid); len(z) > 0 {
		t.Errorf("zombies %v", z)
	}
}

func permutations(of []string) [][]string {
	if len(of) < 2 {
		return [][]string{of}
	}
	var all [][]string
	for i := range of {
		rest := slices.Concat(of[:i], of[i+1:])
		for _, p := range permutations(rest) {
			all = append(all, append([]string{of[i]}, p...))
		}
	}
	return all
}

// Signals come all the time, to each process of a chain, while calls are made in them.
func TestEveryCallIsAnsweredInAFloodOfSignals(t *testing.T) {
	t.Parallel()
	const flood = 100000
	p := pt.Start(t)
	queueFew(p)
	l := p.Chain(2)
	p.Want(l.Pid(), l, "getpid")
	pids := []int{p.Pid, l[0], l[1]}
	done := make(chan error)
	go func() {
		var err error
		for i := range flood {
			// Some that are queued, each of them, and some that become one.
			signo := []syscall.Signal{syscall.SIGUSR1, 40, syscall.SIGIO, 64}[i/3%4]
			if e := syscall.Kill(pids[i%3], signo); e != nil && e != syscall.EAGAIN {
				err = e
			}
		}
		done <- err
	}()
	calls, flooding := 0, true
	for flooding || calls < 1000 {
		select {
		case err := <-done:
			if flooding = false; err != nil {
				t.Error(err)
			}
		default:
		}
		for _, to := range []pt.Pipeline{nil, l[:1], l} {
			data := pt.Binary(fmt.Sprint(calls, pt.Bytes(calls%5000)))
			p.Want(data, to, "iolist_to_bin", data)
			calls++
		}
		for _, m := range p.Queue() {
			if m.Type != pt.TypeEvent {
				t.Errorf("unexpected %v", m)
			}
		}
	}
	t.Logf("%d calls", calls)
	for _, to := range []pt.Pipeline{nil, l[:1], l} {
		p.Signal(to, syscall.SIGUSR2)
		p.SignalOf(to, "sigusr2")
	}
}

func TestConnectIsInterruptedBySignals(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	a := p.Fork(nil)
	path := filepath.Join(t.TempDir(), "socket")
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	address := pt.List{pt.Binary(native(2, unix.AF_UNIX) + path + "\x00")}
	p.Want(ok, a, "connect", p.Int(a, "socket", pt.Atom("af_unix"), pt.Atom("sock_stream"), 0), address)
	// One waits to be accepted; there is no room for another.
	p.Send(a, "connect", p.Int(a, "socket", pt.Atom("af_unix"), pt.Atom("sock_stream"), 0), address)
	pt.Until(t, "the call blocks", func() bool { return pt.SystemCall(a.Pid()) == unix.SYS_CONNECT })
	p.Want(p.Pid, nil, "getpid")
	p.Signal(a, syscall.SIGUSR1)
	p.Next(pt.Reply(a, errno("eintr")))
	p.SignalOf(a, "sigusr1")
	p.Want(a.Pid(), a, "getpid")
}
