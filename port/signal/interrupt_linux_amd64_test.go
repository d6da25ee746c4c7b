// SPDX-License-Identifier: ISC

package signal_test

import (
	"runtime"
	"syscall"
	"testing"
)

// SIGIO can come between any two instructions before a call sleeps. A tracer makes
// it come there: behind the first, behind the second and so on, up to the system
// call itself.
func TestCallIsInterruptedWhereverSIGIOComesBeforeIt(t *testing.T) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	p := start(t, "")
	if err := syscall.PtraceAttach(p.pid); err != nil {
		t.Fatal(err)
	}
	p.stopped(t, syscall.SIGSTOP)
	p.resume(t, 0)
	const most = 1000
	steps := 0
	for before := false; !before; steps++ {
		if steps == most {
			t.Fatal("the system call is never reached")
		}
		before = p.interruptStepping(t, steps)
	}
	t.Logf("SIGIO came at %d places", steps)

	// And in the call.
	p.command(t, "i")
	p.stopped(t, syscall.SIGSTOP)
	p.resume(t, 0)
	p.queue(t, syscall.SIGIO, numbered(0))
	p.stopped(t, syscall.SIGIO)
	p.resume(t, syscall.SIGIO)
	p.line(t, "interrupted")

	if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.stopped(t, syscall.SIGSTOP)
	if err := syscall.PtraceDetach(p.pid); err != nil {
		t.Fatal(err)
	}
}

// interruptStepping sends SIGIO behind so many instructions, and reports whether
// the next one is the system call that would sleep.
func (p *program) interruptStepping(t *testing.T, instructions int) (before bool) {
	t.Helper()
	p.command(t, "i")
	p.stopped(t, syscall.SIGSTOP)
	for range instructions {
		if err := syscall.PtraceSingleStep(p.pid); err != nil {
			t.Fatal(err)
		}
		p.stopped(t, syscall.SIGTRAP)
	}
	var regs syscall.PtraceRegs
	if err := syscall.PtraceGetRegs(p.pid, &regs); err != nil {
		t.Fatal(err)
	}
	var code [2]byte
	if _, err := syscall.PtracePeekText(p.pid, uintptr(regs.Rip), code[:]); err != nil {
		t.Fatal(err)
	}
	p.queue(t, syscall.SIGIO, numbered(0))
	p.resume(t, 0)
	p.stopped(t, syscall.SIGIO)
	p.resume(t, syscall.SIGIO)
	p.line(t, "interrupted")
	return code == [2]byte{0x0f, 0x05} && regs.Rax == syscall.SYS_READ
}
