package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

// How processes end: end of input, signal on EOF, exit statuses, children.

func TestEndOfInputSignalsProgramsAndEndsTheTree(t *testing.T) {
	for _, depth := range []int{0, 2} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			p := Start(t)
			to := p.Chain(depth)
			said := filepath.Join(t.TempDir(), "said")
			a := p.Fork(to)
			p.Sh(a, `trap "echo term >`+said+`; exit" TERM; echo ready; while :; do sleep 0.1; done`)
			p.Await(Stdout(a, "ready\n"))
			b := p.Fork(to) // runs the port and ends by its own end of input
			p.Want(b.Pid(), b, "getpid")
			p.CloseInput()
			if s := p.Exit(); s != 0 {
				t.Errorf("exit status %d", s)
			}
			Gone(t, a.Pid())
			Gone(t, b.Pid())
			for _, pid := range to {
				Gone(t, pid)
			}
			if got, _ := os.ReadFile(said); string(got) != "term\n" {
				t.Errorf("the program noted %q", got)
			}
		})
	}
}

// kept: signal on EOF: group, then process, then SIGCONT.
func TestSignalOnEOFGoesToTheGroupThatTheProgramLeads(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(okTuple(a.Pid()), a, "setsid")
	p.Sh(a, "sleep 1000 & echo $!; wait")
	background := outputInt(t, p, a)
	b := p.Fork(nil)
	p.Sh(b, "sleep 1000 & echo $!; wait")
	other := outputInt(t, p, b)
	p.CloseInput()
	if s := p.Exit(); s != 0 && s != 3 {
		t.Errorf("exit status %d", s)
	}
	Gone(t, a.Pid())
	Gone(t, background)
	Gone(t, b.Pid())
	if !Alive(other) {
		t.Error("a background process of a program that leads no group was signalled")
	}
	kill(t, other, syscall.SIGKILL)
	Gone(t, other)
}

func TestSignalOnEOFIsThatOfTheSlot(t *testing.T) {
	const trap = `for s in HUP INT TERM USR1; do trap "echo $s >%s; exit 0" $s; done; echo ready; while :; do sleep 0.1; done`
	for _, c := range []struct {
		name   string
		set    func(p *Port, a Pipeline)
		signal string // "" when the program lives on
	}{
		{"default", func(p *Port, a Pipeline) {}, "TERM"},
		{"of the slot", func(p *Port, a Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), Atom("signaloneof"), 10) }, "USR1"},
		{"none", func(p *Port, a Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), Atom("signaloneof"), 0) }, ""},
		{"none that exists", func(p *Port, a Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), Atom("signaloneof"), 200) }, ""},
		{"off for all", func(p *Port, a Pipeline) { p.Want(true, nil, "setopt", Atom("signaloneof"), 0) }, ""},
		{"for later children only", func(p *Port, a Pipeline) { p.Want(true, nil, "setopt", Atom("signaloneof"), 1) }, "TERM"},
		{"to a stopped program", func(p *Port, a Pipeline) {
			p.Signal(a, syscall.SIGSTOP)
			Until(p.T(), "the program stops", func() bool { return State(a.Pid()) == "T" })
		}, "TERM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := Start(t)
			a := p.Fork(nil)
			said := filepath.Join(t.TempDir(), "said")
			p.Sh(a, fmt.Sprintf(trap, said))
			p.Await(Stdout(a, "ready\n"))
			c.set(p, a)
			p.CloseInput()
			p.Exit()
			if c.signal == "" {
				if !Alive(a.Pid()) {
					t.Error("the program was signalled")
				}
				kill(t, a.Pid(), syscall.SIGKILL)
				Gone(t, a.Pid())
				return
			}
			Gone(t, a.Pid())
			if got, _ := os.ReadFile(said); strings.TrimSpace(string(got)) != c.signal {
				t.Errorf("the program got %q, want %s", got, c.signal)
			}
		})
	}
}

func TestClosingAChildsInputIsItsEndOfInput(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	b := p.Fork(a)
	p.Exec(b, "sleep", "1000")
	c := p.Fork(a)
	p.Want(c.Pid(), c, "getpid")
	endOfFile(t, p, a)
	p.Await(Ctl(a, "fdctl_closed"))
	m := p.Receive("end of the child", func(m Message) bool { return m.Is(TypeEvent, a) })
	if s := m.String(); s != ExitStatus(a, 0).String() && s != ExitStatus(a, 3).String() {
		t.Errorf("the child ended with %v", m)
	}
	Gone(t, b.Pid())
	Gone(t, c.Pid())
}

// The whole tree is gone when the port is killed.
func TestKilledPortTakesItsTreeWithIt(t *testing.T) {
	p := Start(t, AnyEnd())
	l := p.Chain(5)
	p.Want(l.Pid(), l, "getpid")
	a := p.Fork(l)
	p.Exec(a, "sleep", "1000")
	b := p.Fork(l)
	p.Want(okTuple(b.Pid()), b, "setsid")
	p.Exec(b, "sleep", "1000")
	p.Signal(nil, syscall.SIGKILL)
	p.FifoClosed()
	for _, pid := range append(l, a.Pid(), b.Pid()) {
		Gone(t, pid)
	}
}

func TestExitCallEndsTheProcessWithoutSignals(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	b := p.Fork(nil)
	p.Want(b.Pid(), b, "getpid")
	p.Send(nil, "exit", 77)
	if s := p.Exit(); s != 77 {
		t.Errorf("exit status %d, want 77", s)
	}
	Gone(t, b.Pid())
	if !Alive(a.Pid()) {
		t.Error("the program was signalled")
	}
	kill(t, a.Pid(), syscall.SIGKILL)
	Gone(t, a.Pid())
}

// bettered: D24 children are signalled on every way out.
func TestPortWithoutAReaderEndsAndSignalsItsPrograms(t *testing.T) {
	// It goes on at the end of its input, and when nobody reads from it.
	const program = `trap "" PIPE; trap 'echo term > %s; exit' TERM; echo ready; read line; echo "$line"; while :; do sleep 0.1; done`
	for _, c := range []struct {
		name string
		out  func(p *Port, a Pipeline)
	}{
		{"reply", func(p *Port, a Pipeline) { p.Send(nil, "getpid") }},
		{"signal event", func(p *Port, a Pipeline) { p.Signal(nil, syscall.SIGUSR1) }},
		{"output", func(p *Port, a Pipeline) { p.Stdin(a, "x\n") }},
		{"exit event", func(p *Port, a Pipeline) {
			b := p.Fork(nil)
			p.CloseOutput()
			p.Signal(b, syscall.SIGKILL)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := Start(t, AnyEnd())
			a := p.Fork(nil)
			said := filepath.Join(t.TempDir(), "said")
			p.Sh(a, fmt.Sprintf(program, said))
			p.Await(Stdout(a, "ready\n"))
			if c.name != "exit event" {
				p.CloseOutput()
			}
			c.out(p, a)
			if s := p.Exit(); s != 32 && s != 3 {
				t.Errorf("exit status %d, want 32 or 3", s)
			}
			Gone(t, a.Pid())
			if got, _ := os.ReadFile(said); string(got) != "term\n" {
				t.Errorf("the program noted %q", got)
			}
		})
	}
}

func TestDescriptorsThatThePortNeedsEndItWhenTheyAreClosed(t *testing.T) {
	for fd, status := range map[int]int{0: 9, 1: 9, 3: 9, 4: 0} {
		t.Run(fmt.Sprint(fd), func(t *testing.T) {
			t.Parallel()
			p := Start(t, AnyEnd())
			a := p.Fork(nil)
			p.Send(a, "close", fd)
			m := p.Receive("end of the child", func(m Message) bool { return m.Is(TypeEvent, a) })
			if m.String() != ExitStatus(a, status).String() {
				t.Errorf("child without descriptor %d: %v, want status %d", fd, m, status)
			}
			for _, q := range p.Queue() {
				if q.Type == TypeStdout {
					t.Errorf("frame mistaken for output: %v", q)
				}
			}
			p.Want(p.Pid, nil, "getpid")
			p.Send(nil, "close", fd)
			if s := p.Exit(); s != status {
				t.Errorf("port without descriptor %d: exit status %d, want %d", fd, s, status)
			}
			if fd != 1 {
				p.Next(Reply(nil, ok))
			}
		})
	}
}

func TestClosingDescriptors2And5OfThePortIsHarmless(t *testing.T) {
	p := Start(t)
	p.Want(ok, nil, "close", 5)
	p.FifoClosed()
	p.Want(ok, nil, "close", 2)
	// bettered: D21 overlapping descriptors after close(2) and close(5).
	for range 3 {
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		b := p.Fork(a)
		p.Want(b.Pid(), b, "getpid")
		p.Sh(b, "echo out; echo err >&2; exit 3")
		p.Await(Stdout(b, "out\n"))
		p.Await(Stderr(b, "err\n"))
		p.Await(ExitStatus(b, 3))
	}
	p.Quiet()
}

func TestWaitpidTellsWhatHappenedToAChild(t *testing.T) {
	p := Start(t)
	p.Want(okTuple(Atom("sig_dfl")), nil, "sigaction", Atom("sigchld"), Atom("sig_info"))
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	p.Want(okTuple(0, 0, List{}), nil, "waitpid", a.Pid(), List{Atom("wnohang")})
	p.Signal(a, syscall.SIGSTOP)
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(a.Pid(), 4991, List{Tuple{Atom("stopsig"), Atom("sigstop")}}), nil,
		"waitpid", a.Pid(), List{Atom("wuntraced")})
	p.Signal(a, syscall.SIGCONT)
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(a.Pid(), 65535, List{Atom("continued")}), nil, "waitpid", -1, List{Atom("wcontinued")})
	if s := slotOf(t, p, a); s.Stdin < 0 {
		t.Errorf("a stop or continue released the slot: %+v", s)
	}
	for _, end := range []struct {
		signal syscall.Signal
		status int
		name   string
	}{{syscall.SIGKILL, 9, "sigkill"}, {35, 35, "unknown"}, {syscall.SIGTERM, 15, "sigterm"}} {
		p.Signal(a, end.signal)
		p.SignalOf(nil, "sigchld")
		p.Want(okTuple(a.Pid(), end.status, List{Tuple{Atom("termsig"), Atom(end.name)}}), nil, "waitpid", a.Pid(), 0)
		a = p.Fork(nil)
		p.Exec(a, "sleep", "1000")
	}
	p.Want(errno("echild"), nil, "waitpid", 1, List{})
	p.Want(errno("einval"), nil, "waitpid", -1, 0x10000)
	p.Send(nil, "sigaction", Atom("sigchld"), Atom("sig_dfl"))
	p.Next(Reply(nil, okTuple(Atom("sig_info"))))
	p.Signal(a, syscall.SIGKILL)
	p.Next(TermSig(a, "sigkill"))
}

// bettered: D17 waitpid leaks no descriptor and loses no output.
func TestOutputOfAChildThatWasWaitedForIsDelivered(t *testing.T) {
	p := Start(t)
	reportClosed(p, nil)
	before := len(FDs(p.Pid))
	for range 10 {
		p.Want(okTuple(Atom("sig_dfl")), nil, "sigaction", Atom("sigchld"), Atom("sig_info"))
		a := p.Fork(nil)
		// The port waits in waitpid while the program writes and ends.
		p.Write(append(ExecFrame(a, "/bin/sh", "-c", "echo out; echo err >&2; exit 5"), CallFrame(nil, "waitpid", a.Pid(), List{})...))
		p.Await(Reply(nil, okTuple(a.Pid(), 5<<8, List{Tuple{Atom("exit_status"), 5}})))
		p.Await(Stdout(a, "out\n"))
		p.Await(Stderr(a, "err\n"))
		p.Await(Ctl(a, "fdctl_closed"))
		p.Send(nil, "sigaction", Atom("sigchld"), Atom("sig_dfl"))
		p.Await(Reply(nil, okTuple(Atom("sig_info"))))
		// No exit event, and its pid is nobody's.
		p.Stdin(a, "data")
		p.Await(Ctl(a, "badpid"))
		p.Want(List{}, nil, "cpid")
		for _, m := range p.Queue() {
			if m.Is(TypeEvent, a) || m.Type == TypeStdout {
				t.Errorf("unexpected %v", m)
			}
		}
	}
	Until(t, "all descriptors of the slots are closed", func() bool {
		p.Want(p.Pid, nil, "getpid")
		return len(FDs(p.Pid)) == before
	})
}

// bettered: D5 what a background process writes after its parent's end is delivered.
func TestOutputOfABackgroundProcessIsDelivered(t *testing.T) {
	p := Start(t)
	reportClosed(p, nil)
	a := p.Fork(nil)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Sh(a, "(read x <"+gate+"; echo late; echo late >&2) & exit 3")
	p.Await(Ctl(a, "stdin_closed"))
	p.Next(ExitStatus(a, 3))
	p.Quiet()
	f, err := os.OpenFile(gate, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("go\n")
	f.Close()
	p.Await(Stdout(a, "late\n"))
	p.Await(Stderr(a, "late\n"))
	p.Await(Ctl(a, "stdout_closed"))
	p.Await(Ctl(a, "stderr_closed"))
	p.Quiet()
	p.Want(List{}, nil, "cpid")
}

// bettered: D29 only children that have not been reaped are signalled at the end.
func TestEndOfInputDoesNotSignalAPidThatWasReaped(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(okTuple(a.Pid()), a, "setsid")
	said := filepath.Join(t.TempDir(), "said")
	// In the group of the child, which is no child any more. It notes signals in the order of their numbers.
	p.Sh(a, `(trap "echo term >> `+said+`" TERM; trap "echo winch >> `+said+`; exit" WINCH
		sh -c 'echo $PPID'; while :; do sleep 0.01; done) & exit 3`)
	background := outputInt(t, p, a)
	p.Await(ExitStatus(a, 3))
	p.CloseInput()
	if s := p.Exit(); s != 0 {
		t.Errorf("exit status %d", s)
	}
	kill(t, background, syscall.SIGWINCH)
	Gone(t, background)
	if got, _ := os.ReadFile(said); string(got) != "winch\n" {
		t.Errorf("a process in the group of a child that had been reaped noted %q", got)
	}
}

// Orphans that the port adopts as a subreaper are reaped and forgotten.
func TestAdoptedOrphansAreReapedWithoutAnEvent(t *testing.T) {
	p := Start(t)
	p.Want(okTuple(0, 1, 0, 0, 0), nil, "prctl", Atom("pr_set_child_subreaper"), 1, 0, 0, 0)
	a := p.Fork(nil)
	b := p.Fork(a)
	p.Want(b.Pid(), b, "getpid")
	p.Exec(b, "sleep", "1000")
	p.Send(a, "exit", 0)
	p.Await(Ctl(a, "fdctl_closed"))
	p.Await(ExitStatus(a, 0))
	kill(t, b.Pid(), syscall.SIGKILL)
	Until(t, "the orphan is reaped", func() bool { return State(b.Pid()) == "" })
	p.Quiet()
}

func TestThousandsOfForksAndExitsLeaveNothing(t *testing.T) {
	Linux(t, "/proc")
	t.Parallel()
	p := Start(t)
	var fds int
	var memory string
	const cycles, atOnce = 10000, 50
	for i := range cycles / atOnce {
		if i == 2 { // what a process that had many children keeps is there by now
			fds, memory = len(FDs(p.Pid)), Status(p.Pid, "VmData")
		}
		p.Write(bytes.Repeat(CallFrame(nil, "fork"), atOnce))
		var exits []byte
		alive := map[string]int{}
		for range atOnce {
			fork, _ := p.Reply(nil, "fork").Term().(Tuple)
			pid, _ := fork[1].(int)
			exits = append(exits, CallFrame(Pipeline{pid}, "exit", 7)...)
			alive[Ctl(Pipeline{pid}, "fdctl_closed").String()]++
			alive[ExitStatus(Pipeline{pid}, 7).String()]++
		}
		p.Write(exits)
		for range 2 * atOnce {
			m := p.Any()
			if alive[m.String()]--; alive[m.String()] != 0 {
				t.Fatalf("unexpected %v", m)
			}
		}
	}
	p.Want(List{}, nil, "cpid")
	if n := len(FDs(p.Pid)); n != fds {
		t.Errorf("%d descriptors, %d before: %v", n, fds, FDs(p.Pid))
	}
	if z := Zombies(p.Pid); len(z) > 0 {
		t.Errorf("zombies %v", z)
	}
	if now := Status(p.Pid, "VmData"); now != memory {
		t.Errorf("data segment %s, %s before", now, memory)
	}
	p.Quiet()
}

func TestThousandChildrenThatEndAtOnceAreEachReportedOnce(t *testing.T) {
	t.Parallel()
	const children = 1000
	p := Start(t, Shell("ulimit -n 8192"), Args("-m", fmt.Sprint(children)))
	end := map[int]int{}
	for range children {
		end[p.Fork(nil).Pid()] = 0
	}
	p.Want(errno("eagain"), nil, "fork")
	p.Signal(nil, syscall.SIGSTOP)
	Until(t, "the port stops", func() bool { return State(p.Pid) == "T" })
	for pid := range end {
		kill(t, pid, syscall.SIGKILL)
	}
	p.Signal(nil, syscall.SIGCONT)
	for range children {
		m := p.Receive("end of a child", func(m Message) bool { return len(m.From) == 1 && m.Type == TypeEvent })
		if m.String() != TermSig(m.From, "sigkill").String() {
			t.Errorf("unexpected %v", m)
		}
		end[m.From.Pid()]++
	}
	for pid, n := range end {
		if n != 1 {
			t.Errorf("%d ends of child %d", n, pid)
		}
	}
	p.SignalOf(nil, "sigcont")
	for range children {
		p.Receive("fdctl_closed", func(m Message) bool { return m.Type == TypeCtl })
	}
	p.Quiet()
	p.Want(List{}, nil, "cpid")
}
