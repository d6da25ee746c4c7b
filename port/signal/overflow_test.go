//go:build linux

// SPDX-License-Identifier: ISC

package signal_test

import (
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The handler can come between any two instructions of TakeOverflow. A tracer
// makes it come there: behind the first, behind the second and so on.
func TestOverflowIsTakenWholeAndOnceWhereverTheHandlerComes(t *testing.T) {
	runtime.LockOSThread() // a tracer is a thread
	defer runtime.UnlockOSThread()
	p := start(t, "no-pipe")
	if err := syscall.PtraceAttach(p.pid); err != nil {
		t.Fatal(err)
	}
	p.stopped(t, syscall.SIGSTOP)
	p.resume(t, 0)

	// Records 1 and 2 are there before. 3 replaces 2, or comes after it once
	// that has been taken.
	const replaced, followed = "13", "123"
	var got []string
	for steps := 0; len(got) == 0 || got[steps-1] != followed; steps++ {
		if steps == 1000 {
			t.Fatalf("record 2 is never taken: %q", got)
		}
		got = append(got, p.takeStepping(t, steps))
	}
	t.Logf("the handler came at %d places", len(got))
	want := append(slices.Repeat([]string{replaced}, len(got)-1), followed)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records taken, by where the handler came (-want +got):\n%s", diff)
	}

	if err := syscall.Kill(p.pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.stopped(t, syscall.SIGSTOP)
	if err := syscall.PtraceDetach(p.pid); err != nil {
		t.Fatal(err)
	}
}

// takeStepping lets the recorder take records 1 and 2, of two signals, after
// record 3, of the same signal as 2, has come behind the given number of
// instructions. It returns the numbers of what was taken.
func (p *program) takeStepping(t *testing.T, instructions int) string {
	t.Helper()
	p.deliver(t, rt, 1)
	p.deliver(t, rt+1, 2)
	p.command(t, "t")
	p.stopped(t, syscall.SIGSTOP)
	for range instructions {
		if err := syscall.PtraceSingleStep(p.pid); err != nil {
			t.Fatal(err)
		}
		p.stopped(t, syscall.SIGTRAP)
	}
	p.queue(t, rt+1, numbered(3))
	p.resume(t, 0)
	p.stopped(t, rt+1)
	p.resume(t, rt+1)
	line, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(line, "\n")
}

// deliver sends a record to the traced recorder.
func (p *program) deliver(t *testing.T, s syscall.Signal, n uint32) {
	t.Helper()
	p.queue(t, s, numbered(n))
	p.stopped(t, s)
	p.resume(t, s)
}

// resume lets the recorder go on with a signal, 0 for none.
func (p *program) resume(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.PtraceCont(p.pid, int(s)); err != nil {
		t.Fatal(err)
	}
}
