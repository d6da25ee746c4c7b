// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// kept: flow control counts pieces, shared by stdout and stderr.
func TestFlowControlCountsPiecesOfBothStreams(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("flowcontrol"), 0)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid") // does not count: the process still runs the port
	p.Sh(a, "for i in 1 2 3; do echo out; read x; echo err >&2; read x; done; exit 0")
	if got := slotOf(t, p, a).Flow; got != 0 {
		t.Errorf("flow counter %d at the start", got)
	}
	p.Quiet()
	for range 3 {
		p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 1)
		p.Next(pt.Stdout(a, "out\n"))
		p.Stdin(a, "\n")
		p.Quiet()
		if got := slotOf(t, p, a).Flow; got != 0 {
			t.Errorf("flow counter %d after its piece", got)
		}
		p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 1)
		p.Next(pt.Stderr(a, "err\n"))
		p.Stdin(a, "\n")
	}
	p.Await(pt.ExitStatus(a, 0))
}

func TestFlowControlOfSeveralPiecesStopsAtTheLast(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 5)
	p.Exec(a, "cat", "/dev/zero")
	for range 5 {
		if m := p.Any(); !m.Is(pt.TypeStdout, a) {
			t.Fatalf("instead of output came %v", m)
		}
	}
	p.Quiet()
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 2)
	for range 2 {
		if m := p.Any(); !m.Is(pt.TypeStdout, a) {
			t.Fatalf("instead of output came %v", m)
		}
	}
	p.Quiet()
	p.Signal(a, 9)
	p.Await(pt.TermSig(a, "sigkill"))
}

func TestFlowControlUnlimitedAgainDeliversEverything(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 0)
	p.Sh(a, "head -c 500000 /dev/zero; read end")
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), -7)
	if got := slotOf(t, p, a).Flow; got != -1 {
		t.Errorf("flow counter %d, want -1", got)
	}
	p.Stdin(a, "\n")
	if n := len(p.Finish(a, pt.ExitStatus(a, 0))); n != 500000 {
		t.Errorf("%d bytes", n)
	}
}

// bettered: D18 no busy loop at flow counter 0.
func TestPausedProgramThatClosesItsOutputCostsNoTime(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 0)
	p.Sh(a, "echo held; exec >&- 2>&-; read x; exit 3")
	pt.Until(t, "the program closes its output", func() bool { return len(pt.FDs(a.Pid())) == 1 })
	p.Quiet()
	before := cpuTicks(t, p.Pid)
	time.Sleep(time.Second) // not a wait: the time in which nothing may be used up
	if used := cpuTicks(t, p.Pid) - before; used > 20 {
		t.Errorf("%d ticks of processor time in a second of nothing to do", used)
	}
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), -1)
	p.Await(pt.Stdout(a, "held\n"))
	p.Stdin(a, "\n")
	p.Await(pt.ExitStatus(a, 3))
}

// cpuTicks returns the processor time that a process has used, in ticks of 10 ms.
func cpuTicks(t testing.TB, pid int) int {
	pt.Linux(t, "/proc")
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return user + system
}

// bettered: D19 what is in the pipes of a program that has ended comes before its event,
// credit or not: clients stop at the event. The credit is used up first, and not below 0.
func TestAllOutputComesBeforeTheEndOfAProgramWithoutCredit(t *testing.T) {
	for _, credit := range []int{0, 1} {
		t.Run(fmt.Sprint("credit ", credit), func(t *testing.T) {
			p := pt.Start(t)
			reportClosed(p, nil)
			a := p.Fork(nil)
			p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), credit)
			p.Sh(a, "echo 1; read x; echo 2; echo err >&2; read x; exit 4")
			if credit > 0 {
				p.Next(pt.Stdout(a, "1\n"))
			}
			p.Stdin(a, "\n")
			p.Quiet() // 2 waits for credit
			p.Stdin(a, "\n")
			p.Next(pt.Stdout(a, "1\n2\n"[2*credit:]), pt.Ctl(a, "stdout_closed"), pt.Stderr(a, "err\n"), pt.Ctl(a, "stderr_closed"),
				pt.Ctl(a, "stdin_closed"), pt.ExitStatus(a, 4))
			p.Quiet()
			p.Want(pt.List{}, nil, "cpid")
		})
	}
}

// A whole pipe is delivered, and one that the program has made larger.
func TestAPipefulComesBeforeTheEndOfAProgramWithoutCredit(t *testing.T) {
	for name, program := range map[string]struct{ script, tool string }{
		"usual":  {"head -c 65536 /dev/zero; exit 0", "head"},
		"larger": {"perl -e 'fcntl(STDOUT, 1031, 1 << 20)'; head -c 1000000 /dev/zero; exit 0", "perl"},
	} {
		t.Run(name, func(t *testing.T) {
			pt.Tool(t, program.tool)
			p := pt.Start(t)
			a := p.Fork(nil)
			p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 0)
			p.Sh(a, program.script)
			want := 65536
			if name == "larger" {
				want = 1000000
			}
			if got := len(p.Finish(a, pt.ExitStatus(a, 0))); got != want {
				t.Errorf("%d bytes before the event, want %d", got, want)
			}
		})
	}
}

// What others go on writing has to wait for credit again: no more comes before the event
// than a pipe holds.
func TestABackgroundProcessThatGoesOnWritingWaitsForCredit(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 0)
	p.Sh(a, "cat /dev/zero & exit 5")
	got := 0
	for {
		m := p.Any()
		if m.Is(pt.TypeEvent, a) {
			break
		}
		if m.Is(pt.TypeStdout, a) {
			got += len(m.Data)
		}
	}
	if got > 65536 {
		t.Errorf("%d bytes without credit", got)
	}
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 2)
	for range 2 {
		if m := p.Receive("output within the credit", func(m pt.Message) bool { return m.Type != pt.TypeCall }); !m.Is(pt.TypeStdout, a) {
			t.Fatalf("instead of output came %v", m)
		}
	}
	p.Quiet()
}

func TestDefaultFlowControlIsThatOfTheTimeOfFork(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setopt", pt.Atom("flowcontrol"), 3)
	p.Want(true, nil, "setopt", pt.Atom("signaloneof"), 9)
	b := p.Fork(nil)
	if s := slotOf(t, p, a); s.Flow != -1 || s.SignalOnEOF != 15 {
		t.Errorf("slot from before: %+v", s)
	}
	if s := slotOf(t, p, b); s.Flow != 3 || s.SignalOnEOF != 9 {
		t.Errorf("slot from after: %+v", s)
	}
	// A child starts with a copy of the options.
	p.Want(3, b, "getopt", pt.Atom("flowcontrol"))
	p.Want(-1, a, "getopt", pt.Atom("flowcontrol"))
}
