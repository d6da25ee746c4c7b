//go:build linux

package test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/alcove-go/alcove/test/porttest"
)

// kept: flow control counts pieces, shared by stdout and stderr.
func TestFlowControlCountsPiecesOfBothStreams(t *testing.T) {
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("flowcontrol"), 0)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid") // does not count: the process still runs the port
	p.Sh(a, "for i in 1 2 3; do echo out; read x; echo err >&2; read x; done; exit 0")
	if got := slotOf(t, p, a).Flow; got != 0 {
		t.Errorf("flow counter %d at the start", got)
	}
	p.Quiet()
	for range 3 {
		p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 1)
		p.Next(Stdout(a, "out\n"))
		p.Stdin(a, "\n")
		p.Quiet()
		if got := slotOf(t, p, a).Flow; got != 0 {
			t.Errorf("flow counter %d after its piece", got)
		}
		p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 1)
		p.Next(Stderr(a, "err\n"))
		p.Stdin(a, "\n")
	}
	p.Await(ExitStatus(a, 0))
}

func TestFlowControlOfSeveralPiecesStopsAtTheLast(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 5)
	p.Exec(a, "cat", "/dev/zero")
	for range 5 {
		if m := p.Any(); !m.Is(TypeStdout, a) {
			t.Fatalf("instead of output came %v", m)
		}
	}
	p.Quiet()
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 2)
	for range 2 {
		if m := p.Any(); !m.Is(TypeStdout, a) {
			t.Fatalf("instead of output came %v", m)
		}
	}
	p.Quiet()
	p.Signal(a, 9)
	p.Await(TermSig(a, "sigkill"))
}

func TestFlowControlUnlimitedAgainDeliversEverything(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 0)
	p.Sh(a, "head -c 500000 /dev/zero; read end")
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), -7)
	if got := slotOf(t, p, a).Flow; got != -1 {
		t.Errorf("flow counter %d, want -1", got)
	}
	p.Stdin(a, "\n")
	if n := len(p.Finish(a, ExitStatus(a, 0))); n != 500000 {
		t.Errorf("%d bytes", n)
	}
}

// bettered: D18 no busy loop at flow counter 0.
func TestPausedProgramThatClosesItsOutputCostsNoTime(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 0)
	p.Sh(a, "echo held; exec >&- 2>&-; read x; exit 3")
	Until(t, "the program closes its output", func() bool { return len(FDs(a.Pid())) == 1 })
	p.Quiet()
	before := cpuTicks(t, p.Pid)
	time.Sleep(time.Second) // not a wait: the time in which nothing may be used up
	if used := cpuTicks(t, p.Pid) - before; used > 20 {
		t.Errorf("%d ticks of processor time in a second of nothing to do", used)
	}
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), -1)
	p.Await(Stdout(a, "held\n"))
	p.Stdin(a, "\n")
	p.Await(ExitStatus(a, 3))
}

// cpuTicks is the processor time that a process has used, in ticks of 10 ms.
func cpuTicks(t testing.TB, pid int) int {
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

// bettered: D19 with flow control on, the exit event is not delayed and the held output stays until credit is given.
func TestHeldOutputOutlivesItsProgramUntilThereIsCredit(t *testing.T) {
	p := Start(t)
	reportClosed(p, nil)
	a := p.Fork(nil)
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 0)
	p.Sh(a, "echo out; echo err >&2; exit 4")
	p.Await(Ctl(a, "stdin_closed"))
	p.Next(ExitStatus(a, 4))
	p.Quiet()
	if s := slotOf(t, p, a); s.Stdin != -1 || s.Stdout < 0 || s.Stderr < 0 || s.Control != -2 {
		t.Errorf("slot with held output: %+v", s)
	}
	closed := 0
	output := func(m Message) bool { return m.Type == TypeStdout || m.Type == TypeStderr }
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 1)
	first := p.Receive("one stream", output)
	p.Want(Binary("1.0.1"), nil, "version")
	for _, m := range p.Queue() {
		if m.String() != Ctl(a, "stdout_closed").String() && m.String() != Ctl(a, "stderr_closed").String() {
			t.Errorf("without credit came %v", m)
		}
		closed++
	}
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 1)
	second := p.Receive("the other stream", output)
	if got := first.String() + second.String(); got != Stdout(a, "out\n").String()+Stderr(a, "err\n").String() &&
		got != Stderr(a, "err\n").String()+Stdout(a, "out\n").String() {
		t.Errorf("held output %v, %v", first, second)
	}
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), -1)
	for ; closed < 2; closed++ {
		if m := p.Any(); m.Type != TypeCtl {
			t.Errorf("instead of the end of a stream came %v", m)
		}
	}
	if left := slots(t, p, nil); len(left) > 0 {
		t.Errorf("slot is not free after its output was delivered: %+v", left)
	}
}

func TestDefaultFlowControlIsThatOfTheTimeOfFork(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Want(true, nil, "setopt", Atom("flowcontrol"), 3)
	p.Want(true, nil, "setopt", Atom("signaloneof"), 9)
	b := p.Fork(nil)
	if s := slotOf(t, p, a); s.Flow != -1 || s.SignalOnEOF != 15 {
		t.Errorf("slot from before: %+v", s)
	}
	if s := slotOf(t, p, b); s.Flow != 3 || s.SignalOnEOF != 9 {
		t.Errorf("slot from after: %+v", s)
	}
	// A child starts with a copy of the options.
	p.Want(3, b, "getopt", Atom("flowcontrol"))
	p.Want(-1, a, "getopt", Atom("flowcontrol"))
}
