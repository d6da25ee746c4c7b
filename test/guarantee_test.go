package test

import (
	"syscall"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

func TestKilledProcessTakesWhatIsBelowItAndNothingElse(t *testing.T) {
	p := Start(t)
	a, other := p.Fork(nil), p.Fork(nil)
	b := p.Fork(a)
	c := p.Fork(b)
	p.Exec(c, "sleep", "1000")
	program := p.Fork(other)
	p.Exec(program, "cat")
	p.Signal(a, syscall.SIGKILL)
	p.Next(Ctl(a, "fdctl_closed"), TermSig(a, "sigkill"))
	for _, pid := range []int{b.Pid(), c.Pid()} {
		Gone(t, pid)
	}
	p.Send(b, "getpid")
	p.Next(Ctl(a, "badpid"))
	p.Want(other.Pid(), other, "getpid")
	p.Stdin(program, "x")
	p.Next(Stdout(program, "x"))
}

// Who is killed signals nobody any more. A program whose parent that is only sees the end
// of its input, unless it has asked the kernel for a signal.
func TestProgramRightBelowAKilledProcessLivesOnUnlessItAsksForASignal(t *testing.T) {
	p := Start(t, AnyEnd())
	a, b, c := p.Fork(nil), p.Fork(nil), p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	p.Exec(b, "cat")
	p.Want(okTuple(0, int(syscall.SIGKILL), 0, 0, 0), c, "prctl", Atom("pr_set_pdeathsig"), int(syscall.SIGKILL), 0, 0, 0)
	p.Exec(c, "sleep", "1000")
	p.Signal(nil, syscall.SIGKILL)
	p.Exit()
	Gone(t, b.Pid())
	Gone(t, c.Pid())
	if !Alive(a.Pid()) {
		t.Error("somebody has signalled the program")
	}
	if err := syscall.Kill(a.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	Gone(t, a.Pid())
}
