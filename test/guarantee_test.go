// SPDX-License-Identifier: ISC

package test

import (
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestKilledProcessTakesWhatIsBelowItAndNothingElse(t *testing.T) {
	p := pt.Start(t)
	a, other := p.Fork(nil), p.Fork(nil)
	b := p.Fork(a)
	c := p.Fork(b)
	p.Exec(c, "sleep", "1000")
	program := p.Fork(other)
	p.Exec(program, "cat")
	p.Signal(a, syscall.SIGKILL)
	p.Next(pt.Ctl(a, "fdctl_closed"), pt.TermSig(a, "sigkill"))
	for _, pid := range []int{b.Pid(), c.Pid()} {
		pt.Gone(t, pid)
	}
	p.Send(b, "getpid")
	p.Next(pt.Ctl(a, "badpid"))
	p.Want(other.Pid(), other, "getpid")
	p.Stdin(program, "x")
	p.Next(pt.Stdout(program, "x"))
}

// Who is killed signals nobody any more. A program whose parent that is only sees the end
// of its input, unless it has asked the kernel for a signal.
func TestProgramRightBelowAKilledProcessLivesOnUnlessItAsksForASignal(t *testing.T) {
	p := pt.Start(t, pt.AnyEnd())
	a, b, c := p.Fork(nil), p.Fork(nil), p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	p.Exec(b, "cat")
	p.Want(okTuple(0, int(syscall.SIGKILL), 0, 0, 0), c, "prctl", pt.Atom("pr_set_pdeathsig"), int(syscall.SIGKILL), 0, 0, 0)
	p.Exec(c, "sleep", "1000")
	p.Signal(nil, syscall.SIGKILL)
	p.Exit()
	pt.Gone(t, b.Pid())
	pt.Gone(t, c.Pid())
	if !pt.Alive(a.Pid()) {
		t.Error("somebody has signalled the program")
	}
	if err := syscall.Kill(a.Pid(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	pt.Gone(t, a.Pid())
}
