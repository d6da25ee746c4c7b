// SPDX-License-Identifier: ISC

package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// How processes end: end of input, signal on EOF, exit statuses, children.

func TestEndOfInputSignalsProgramsAndEndsTheTree(t *testing.T) {
	for _, depth := range []int{0, 2} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			p := pt.Start(t)
			to := p.Chain(depth)
			said := filepath.Join(t.TempDir(), "said")
			a := p.Fork(to)
			p.Sh(a, `trap "echo term >`+said+`; exit" TERM; echo ready; while :; do sleep 0.1; done`)
			p.Await(pt.Stdout(a, "ready\n"))
			b := p.Fork(to) // runs the port and ends by its own end of input
			p.Want(b.Pid(), b, "getpid")
			p.CloseInput()
			if s := p.Exit(); s != 0 {
				t.Errorf("exit status %d", s)
			}
			pt.Gone(t, a.Pid())
			pt.Gone(t, b.Pid())
			for _, pid := range to {
				pt.Gone(t, pid)
			}
			if got, _ := os.ReadFile(said); string(got) != "term\n" {
				t.Errorf("the program noted %q", got)
			}
		})
	}
}

// kept: signal on EOF: group, then process, then SIGCONT.
func TestSignalOnEOFGoesToTheGroupThatTheProgramLeads(t *testing.T) {
	p := pt.Start(t)
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
	pt.Gone(t, a.Pid())
	pt.Gone(t, background)
	pt.Gone(t, b.Pid())
	if !pt.Alive(other) {
		t.Error("a background process of a program that leads no group was signalled")
	}
	kill(t, other, syscall.SIGKILL)
	pt.Gone(t, other)
}

func TestSignalOnEOFIsThatOfTheSlot(t *testing.T) {
	const trap = `for s in HUP INT TERM USR1; do trap "echo $s >%s; exit 0" $s; done; echo ready; while :; do sleep 0.1; done`
	for _, c := range []struct {
		name   string
		set    func(p *pt.Port, a pt.Pipeline)
		signal string // "" when the program lives on
	}{
		{"default", func(p *pt.Port, a pt.Pipeline) {}, "TERM"},
		{"of the slot", func(p *pt.Port, a pt.Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("signaloneof"), 10) }, "USR1"},
		{"none", func(p *pt.Port, a pt.Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("signaloneof"), 0) }, ""},
		{"none that exists", func(p *pt.Port, a pt.Pipeline) { p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("signaloneof"), 200) }, ""},
		{"off for all", func(p *pt.Port, a pt.Pipeline) { p.Want(true, nil, "setopt", pt.Atom("signaloneof"), 0) }, ""},
		{"for later children only", func(p *pt.Port, a pt.Pipeline) { p.Want(true, nil, "setopt", pt.Atom("signaloneof"), 1) }, "TERM"},
		{"to a stopped program", func(p *pt.Port, a pt.Pipeline) {
			p.Signal(a, syscall.SIGSTOP)
			pt.Until(p.T(), "the program stops", func() bool { return pt.State(a.Pid()) == "T" })
		}, "TERM"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t)
			a := p.Fork(nil)
			said := filepath.Join(t.TempDir(), "said")
			p.Sh(a, fmt.Sprintf(trap, said))
			p.Await(pt.Stdout(a, "ready\n"))
			c.set(p, a)
			p.CloseInput()
			p.Exit()
			if c.signal == "" {
				if !pt.Alive(a.Pid()) {
					t.Error("the program was signalled")
				}
				kill(t, a.Pid(), syscall.SIGKILL)
				pt.Gone(t, a.Pid())
				return
			}
			pt.Gone(t, a.Pid())
			if got, _ := os.ReadFile(said); strings.TrimSpace(string(got)) != c.signal {
				t.Errorf("the program got %q, want %s", got, c.signal)
			}
		})
	}
}

func TestClosingAChildsInputIsItsEndOfInput(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	b := p.Fork(a)
	p.Exec(b, "sleep", "1000")
	c := p.Fork(a)
	p.Want(c.Pid(), c, "getpid")
	endOfFile(t, p, a)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	m := p.Receive("end of the child", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
	if s := m.String(); s != pt.ExitStatus(a, 0).String() && s != pt.ExitStatus(a, 3).String() {
		t.Errorf("the child ended with %v", m)
	}
	pt.Gone(t, b.Pid())
	pt.Gone(t, c.Pid())
}

// The whole tree is gone when the port is killed.
func TestKilledPortTakesItsTreeWithIt(t *testing.T) {
	p := pt.Start(t, pt.AnyEnd())
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
		pt.Gone(t, pid)
	}
}

func TestExitCallEndsTheProcessWithoutSignals(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	b := p.Fork(nil)
	p.Want(b.Pid(), b, "getpid")
	p.Send(nil, "exit", 77)
	if s := p.Exit(); s != 77 {
		t.Errorf("exit status %d, want 77", s)
	}
	pt.Gone(t, b.Pid())
	if !pt.Alive(a.Pid()) {
		t.Error("the program was signalled")
	}
	kill(t, a.Pid(), syscall.SIGKILL)
	pt.Gone(t, a.Pid())
}

// bettered: D24 children are signalled on every way out.
func TestPortWithoutAReaderEndsAndSignalsItsPrograms(t *testing.T) {
	// It goes on at the end of its input, and when nobody reads from it.
	const program = `trap "" PIPE; trap 'echo term > %s; exit' TERM; echo ready; read line; echo "$line"; while :; do sleep 0.1; done`
	for _, c := range []struct {
		name string
		out  func(p *pt.Port, a pt.Pipeline)
	}{
		{"reply", func(p *pt.Port, a pt.Pipeline) { p.Send(nil, "getpid") }},
		{"signal event", func(p *pt.Port, a pt.Pipeline) { p.Signal(nil, syscall.SIGUSR1) }},
		{"output", func(p *pt.Port, a pt.Pipeline) { p.Stdin(a, "x\n") }},
		{"exit event", func(p *pt.Port, a pt.Pipeline) {
			b := p.Fork(nil)
			p.CloseOutput()
			p.Signal(b, syscall.SIGKILL)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t, pt.AnyEnd())
			a := p.Fork(nil)
			said := filepath.Join(t.TempDir(), "said")
			p.Sh(a, fmt.Sprintf(program, said))
			p.Await(pt.Stdout(a, "ready\n"))
			if c.name != "exit event" {
				p.CloseOutput()
			}
			c.out(p, a)
			if s := p.Exit(); s != 32 && s != 3 {
				t.Errorf("exit status %d, want 32 or 3", s)
			}
			pt.Gone(t, a.Pid())
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
			p := pt.Start(t, pt.AnyEnd())
			a := p.Fork(nil)
			p.Send(a, "close", fd)
			m := p.Receive("end of the child", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
			if m.String() != pt.ExitStatus(a, status).String() {
				t.Errorf("child without descriptor %d: %v, want status %d", fd, m, status)
			}
			for _, q := range p.Queue() {
				if q.Type == pt.TypeStdout {
					t.Errorf("frame mistaken for output: %v", q)
				}
			}
			p.Want(p.Pid, nil, "getpid")
			p.Send(nil, "close", fd)
			if s := p.Exit(); s != status {
				t.Errorf("port without descriptor %d: exit status %d, want %d", fd, s, status)
			}
			if fd != 1 {
				p.Next(pt.Reply(nil, ok))
			}
		})
	}
}

func TestClosingDescriptors2And5OfThePortIsHarmless(t *testing.T) {
	p := pt.Start(t)
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
		p.Await(pt.Stdout(b, "out\n"))
		p.Await(pt.Stderr(b, "err\n"))
		p.Await(pt.ExitStatus(b, 3))
	}
	p.Quiet()
}

func TestWaitpidTellsWhatHappenedToAChild(t *testing.T) {
	p := pt.Start(t)
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	p.Want(okTuple(0, 0, pt.List{}), nil, "waitpid", a.Pid(), pt.List{pt.Atom("wnohang")})
	p.Signal(a, syscall.SIGSTOP)
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(a.Pid(), 4991, pt.List{pt.Tuple{pt.Atom("stopsig"), pt.Atom("sigstop")}}), nil,
		"waitpid", a.Pid(), pt.List{pt.Atom("wuntraced")})
	p.Signal(a, syscall.SIGCONT)
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(a.Pid(), 65535, pt.List{pt.Atom("continued")}), nil, "waitpid", -1, pt.List{pt.Atom("wcontinued")})
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
		p.Want(okTuple(a.Pid(), end.status, pt.List{pt.Tuple{pt.Atom("termsig"), pt.Atom(end.name)}}), nil, "waitpid", a.Pid(), 0)
		a = p.Fork(nil)
		p.Exec(a, "sleep", "1000")
	}
	p.Want(errno("echild"), nil, "waitpid", 1, pt.List{})
	p.Want(errno("einval"), nil, "waitpid", -1, 0x10000)
	p.Send(nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_dfl"))
	p.Next(pt.Reply(nil, okTuple(pt.Atom("sig_info"))))
	p.Signal(a, syscall.SIGKILL)
	p.Next(pt.TermSig(a, "sigkill"))
}

// bettered: D17 waitpid leaks no descriptor and loses no output.
func TestOutputOfAChildThatWasWaitedForIsDelivered(t *testing.T) {
	p := pt.Start(t)
	reportClosed(p, nil)
	before := len(pt.FDs(p.Pid))
	for range 10 {
		p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
		a := p.Fork(nil)
		// The port waits in waitpid while the program writes and ends.
		p.Write(append(pt.ExecFrame(a, "/bin/sh", "-c", "echo out; echo err >&2; exit 5"), pt.CallFrame(nil, "waitpid", a.Pid(), pt.List{})...))
		p.Await(pt.Reply(nil, okTuple(a.Pid(), 5<<8, pt.List{pt.Tuple{pt.Atom("exit_status"), 5}})))
		p.Await(pt.Stdout(a, "out\n"))
		p.Await(pt.Stderr(a, "err\n"))
		p.Await(pt.Ctl(a, "fdctl_closed"))
		p.Send(nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_dfl"))
		p.Await(pt.Reply(nil, okTuple(pt.Atom("sig_info"))))
		// No exit event, and its pid is nobody's.
		p.Stdin(a, "data")
		p.Await(pt.Ctl(a, "badpid"))
		p.Want(pt.List{}, nil, "cpid")
		for _, m := range p.Queue() {
			if m.Is(pt.TypeEvent, a) || m.Type == pt.TypeStdout {
				t.Errorf("unexpected %v", m)
			}
		}
	}
	pt.Until(t, "all descriptors of the slots are closed", func() bool {
		p.Want(p.Pid, nil, "getpid")
		return len(pt.FDs(p.Pid)) == before
	})
}

// bettered: D5 what a background process writes after its parent's end is delivered.
func TestOutputOfABackgroundProcessIsDelivered(t *testing.T) {
	p := pt.Start(t)
	reportClosed(p, nil)
	a := p.Fork(nil)
	gate := filepath.Join(t.TempDir(), "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Sh(a, "(read x <"+gate+"; echo late; echo late >&2) & exit 3")
	p.Await(pt.Ctl(a, "stdin_closed"))
	p.Next(pt.ExitStatus(a, 3))
	p.Quiet()
	f, err := os.OpenFile(gate, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	f.WriteString("go\n")
	f.Close()
	p.Await(pt.Stdout(a, "late\n"))
	p.Await(pt.Stderr(a, "late\n"))
	p.Await(pt.Ctl(a, "stdout_closed"))
	p.Await(pt.Ctl(a, "stderr_closed"))
	p.Quiet()
	p.Want(pt.List{}, nil, "cpid")
}

// bettered: D29 only children that have not been reaped are signalled at the end.
func TestEndOfInputDoesNotSignalAPidThatWasReaped(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(okTuple(a.Pid()), a, "setsid")
	said := filepath.Join(t.TempDir(), "said")
	// In the group of the child, which is no child any more. It notes signals in the order of their
	// numbers.
	p.Sh(a, `(trap "echo term >> `+said+`" TERM; trap "echo winch >> `+said+`; exit" WINCH
		sh -c 'echo $PPID'; while :; do sleep 0.01; done) & exit 3`)
	background := outputInt(t, p, a)
	p.Await(pt.ExitStatus(a, 3))
	p.CloseInput()
	if s := p.Exit(); s != 0 {
		t.Errorf("exit status %d", s)
	}
	kill(t, background, syscall.SIGWINCH)
	pt.Gone(t, background)
	if got, _ := os.ReadFile(said); string(got) != "winch\n" {
		t.Errorf("a process in the group of a child that had been reaped noted %q", got)
	}
}

// Orphans that the port adopts as a subreaper are reaped and forgotten.
func TestAdoptedOrphansAreReapedWithoutAnEvent(t *testing.T) {
	p := pt.Start(t)
	p.Want(okTuple(0, 1, 0, 0, 0), nil, "prctl", pt.Atom("pr_set_child_subreaper"), 1, 0, 0, 0)
	a := p.Fork(nil)
	b := p.Fork(a)
	p.Want(b.Pid(), b, "getpid")
	p.Exec(b, "sleep", "1000")
	p.Send(a, "exit", 0)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.Await(pt.ExitStatus(a, 0))
	kill(t, b.Pid(), syscall.SIGKILL)
	pt.Until(t, "the orphan is reaped", func() bool { return pt.State(b.Pid()) == "" })
	p.Quiet()
}

func TestThousandsOfForksAndExitsLeaveNothing(t *testing.T) {
	pt.Linux(t, "/proc")
	t.Parallel()
	p := pt.Start(t)
	var fds int
	var memory string
	const cycles, atOnce = 10000, 50
	for i := range cycles / atOnce {
		if i == 2 { // what a process that had many children keeps is there by now
			fds, memory = len(pt.FDs(p.Pid)), pt.Status(p.Pid, "VmData")
		}
		p.Write(bytes.Repeat(pt.CallFrame(nil, "fork"), atOnce))
		var exits []byte
		alive := map[string]int{}
		for range atOnce {
			fork, _ := p.Reply(nil, "fork").Term().(pt.Tuple)
			pid, _ := fork[1].(int)
			exits = append(exits, pt.CallFrame(pt.Pipeline{pid}, "exit", 7)...)
			alive[pt.Ctl(pt.Pipeline{pid}, "fdctl_closed").String()]++
			alive[pt.ExitStatus(pt.Pipeline{pid}, 7).String()]++
		}
		p.Write(exits)
		for range 2 * atOnce {
			m := p.Any()
			if alive[m.String()]--; alive[m.String()] != 0 {
				t.Fatalf("unexpected %v", m)
			}
		}
	}
	p.Want(pt.List{}, nil, "cpid")
	if n := len(pt.FDs(p.Pid)); n != fds {
		t.Errorf("%d descriptors, %d before: %v", n, fds, pt.FDs(p.Pid))
	}
	if z := pt.Zombies(p.Pid); len(z) > 0 {
		t.Errorf("zombies %v", z)
	}
	if now := pt.Status(p.Pid, "VmData"); now != memory {
		t.Errorf("data segment %s, %s before", now, memory)
	}
	p.Quiet()
}

func TestThousandChildrenThatEndAtOnceAreEachReportedOnce(t *testing.T) {
	t.Parallel()
	const children = 1000
	p := pt.Start(t, pt.Shell("ulimit -n 8192"), pt.Args("-m", fmt.Sprint(children)))
	end := map[int]int{}
	for range children {
		end[p.Fork(nil).Pid()] = 0
	}
	p.Want(errno("eagain"), nil, "fork")
	p.Signal(nil, syscall.SIGSTOP)
	pt.Until(t, "the port stops", func() bool { return pt.State(p.Pid) == "T" })
	for pid := range end {
		kill(t, pid, syscall.SIGKILL)
	}
	p.Signal(nil, syscall.SIGCONT)
	for range children {
		m := p.Receive("end of a child", func(m pt.Message) bool { return len(m.From) == 1 && m.Type == pt.TypeEvent })
		if m.String() != pt.TermSig(m.From, "sigkill").String() {
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
		p.Receive("fdctl_closed", func(m pt.Message) bool { return m.Type == pt.TypeCtl })
	}
	p.Quiet()
	p.Want(pt.List{}, nil, "cpid")
}
