//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// pipeSize is the size of a small pipe: one page of the kernel's.
const pipeSize = 4096

func (f *fixture) adoptWithSmallPipe(adopt func(*fixture, int) *testChild) *testChild {
	f.t.Helper()
	c := adopt(f, childPid)
	if _, err := unix.FcntlInt(uintptr(c.stdin), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		f.t.Fatal(err)
	}
	return c
}

// drainInput returns all that the child gets to read.
func (c *testChild) drainInput() (input string) {
	c.f.t.Helper()
	for {
		piece := c.input()
		if piece == "" {
			return input
		}
		input += piece
		c.f.rounds()
	}
}

func (f *fixture) wantWritten(frames ...string) {
	f.t.Helper()
	if diff := cmp.Diff(strings.Join(frames, ""), f.written()); diff != "" {
		f.t.Errorf("frames (-want +got):\n%s", diff)
	}
}

func wantInput(t *testing.T, want, got string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("input of the child (-want +got):\n%s", diff)
	}
}

// Data for a child that runs this program is taken whole: what its pipe does not take
// waits until it has read.
func TestFramesThatFitInPartAreWrittenWhenTheChildHasRead(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adoptWithSmallPipe((*fixture).adopt)
		one, two, three := porttest.Bytes(pipeSize-10), porttest.Bytes(100), porttest.Bytes(3*pipeSize)
		f.receive(stdinFrame(childPid, one) + stdinFrame(childPid, two) + stdinFrame(childPid, three))
		wantInput(t, one+two+three, c.drainInput())
		f.wantWritten()
		if c.queue != nil {
			t.Error("the queue is kept")
		}
	})
}

// What waits has been looked through for exec calls, and is not frames from its first
// byte on.
func TestWhatWaitsForAChildIsNotLookedThroughAgain(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adopt)
	exec := callFrame(callExec, "x")
	data := callFrame(callOnly, porttest.Bytes(pipeSize-6)+exec+"more") // the pipe takes it up to exec
	f.receive(stdinFrame(childPid, data))
	wantInput(t, data, c.drainInput())
	f.receive(stdinFrame(childPid, exec+"held back"))
	wantInput(t, exec, c.drainInput())
}

func TestWhatDoesNotFitInTheQueueIsRefusedWhole(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adopt)
	full, large, small := porttest.Bytes(pipeSize), porttest.Bytes(queueSize-1000), porttest.Bytes(1000)
	f.receive(stdinFrame(childPid, full))
	f.receive(stdinFrame(childPid, large))
	f.wantWritten()
	f.receive(stdinFrame(childPid, large) + stdinFrame(childPid, small) + stdinFrame(childPid, "x"))
	f.wantWritten(pipeFrame(childPid, 0), pipeFrame(childPid, 0))
	wantInput(t, full+large+small, c.drainInput())
	f.receive(stdinFrame(childPid, "x"))
	wantInput(t, "x", c.drainInput())
}

func TestAProgramWhosePipeIsFullGetsAsMuchAsFits(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adoptProgram)
	data := porttest.Bytes(pipeSize + 100)
	f.receive(stdinFrame(childPid, data) + stdinFrame(childPid, data))
	f.wantWritten(pipeFrame(childPid, pipeSize), pipeFrame(childPid, 0))
	wantInput(t, data[:pipeSize], c.drainInput())
	f.receive(stdinFrame(childPid, "x"))
	f.wantWritten()
	wantInput(t, "x", c.drainInput())
}

func TestPiecesForAProgramAreWrittenTogether(t *testing.T) {
	f := newFixture(t)
	c, other := f.adoptProgram(childPid), f.adoptProgram(childPid+1)
	for _, c := range []*testChild{c, other} {
		// A read returns no more than one write has written.
		if _, err := unix.FcntlInt(uintptr(c.Child.Stdin), unix.F_SETFL, unix.O_NONBLOCK|unix.O_DIRECT); err != nil {
			t.Fatal(err)
		}
	}
	half := porttest.Bytes(atomic / 2)
	lines := strings.Repeat(stdinFrame(childPid, "line\n"), maxPieces+1)
	f.receive(lines + stdinFrame(childPid+1, "other") + stdinFrame(childPid, half) + stdinFrame(childPid, half) + stdinFrame(childPid, "x"))
	f.wantWritten()
	want := []string{strings.Repeat("line\n", maxPieces), "line\n", half + half, "x"}
	if diff := cmp.Diff(want, c.inputs()); diff != "" {
		t.Errorf("writes to the program (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"other"}, other.inputs()); diff != "" {
		t.Errorf("writes to the other program (-want +got):\n%s", diff)
	}
}

// What a pipe takes whole or not at all is not divided because there is more of it, and
// what comes behind it is tried.
func TestPiecesForAProgramAreTriedOneByOneWhenTheyDoNotFit(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adoptProgram)
	first, small, large, last := porttest.Bytes(pipeSize-100), porttest.Bytes(60), porttest.Bytes(90), porttest.Bytes(40)
	f.receive(stdinFrame(childPid, first))
	f.receive(stdinFrame(childPid, small) + stdinFrame(childPid, large) + stdinFrame(childPid, last))
	f.wantWritten(pipeFrame(childPid, 0))
	wantInput(t, first+small+last, c.drainInput())
}

func TestTheSenderOfEachPieceIsToldHowMuchOfItFitted(t *testing.T) {
	f := newFixture(t)
	c := f.adoptProgram(childPid)
	if _, err := unix.FcntlInt(uintptr(c.stdin), unix.F_SETPIPE_SZ, 4*pipeSize); err != nil {
		t.Fatal(err)
	}
	piece := porttest.Bytes(3 * pipeSize / 2)
	f.receive(strings.Repeat(stdinFrame(childPid, piece), 4))
	f.wantWritten(pipeFrame(childPid, pipeSize), pipeFrame(childPid, 0))
	wantInput(t, piece+piece+piece[:pipeSize], c.drainInput())
}

// What was queued for a child before it became another program is still meant for it.
func TestAProgramGetsWhatIsQueuedBeforeAnythingElse(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adopt)
	exec := callFrame(callExec, "x")
	data := porttest.Bytes(2 * pipeSize)
	f.receive(stdinFrame(childPid, exec+data))
	wantInput(t, exec, c.input())
	c.notice(noticeExec, 0)
	c.close(&c.control)
	f.rounds()
	f.receive(stdinFrame(childPid, "refused"))
	f.wantWritten(ctlFrame(childPid, "fdctl_closed"), pipeFrame(childPid, 0))
	wantInput(t, data, c.drainInput())
	f.receive(stdinFrame(childPid, "x"))
	wantInput(t, "x", c.drainInput())
}

// The notices of a child and what is held back behind an exec call.
func TestWhatIsHeldBackGoesOnWithTheNoticeOfAChild(t *testing.T) {
	exec := callFrame(callExec, "x")
	held := callFrame(callOnly, "held") + exec + "more"
	const toNextExec = 10 + 7
	for _, test := range []struct {
		name string
		do   func(f *fixture, c *testChild)
		want string
	}{
		{"nothing", func(f *fixture, c *testChild) {}, ""},
		{"an exec", func(f *fixture, c *testChild) { c.notice(noticeExec, 0) }, ""},
		{"an exec that failed", func(f *fixture, c *testChild) { c.notice(noticeExec, 0); c.notice(noticeFailed, 0) }, held[:toNextExec]},
		{"an exec that was refused", func(f *fixture, c *testChild) { c.notice(noticeFailed, 0) }, held[:toNextExec]},
		{"an exec that keeps the socket", func(f *fixture, c *testChild) { c.notice(noticeKept, 0) }, held[:toNextExec]},
		{"both execs failed", func(f *fixture, c *testChild) { c.notice(noticeFailed, 0); c.notice(noticeFailed, 0) }, held},
		{"input read by a call", func(f *fixture, c *testChild) { c.notice(noticeInput, 0) }, held},
		{"the end of the socket", func(f *fixture, c *testChild) { c.close(&c.control) }, held},
		{"an exec and the end of the socket", func(f *fixture, c *testChild) { c.notice(noticeExec, 0); c.close(&c.control) }, held},
		{"something else on the socket", func(f *fixture, c *testChild) { c.write(c.control, "0123456789abcdef") }, held},
		{"a part of a notice", func(f *fixture, c *testChild) { c.write(c.control, "alcv") }, held},
		{"a close of the socket", func(f *fixture, c *testChild) { f.Close(int(c.Control)) }, held},
		{"a write to the child", func(f *fixture, c *testChild) { f.Write(int(c.Child.Stdin), nil) }, held},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			c := f.adopt(childPid)
			f.receive(stdinFrame(childPid, exec+held))
			wantInput(t, exec, c.input())
			test.do(f, c)
			f.rounds()
			wantInput(t, test.want, c.input())
		})
	}
}

func TestInputThatACallClosesEndsBehindWhatIsQueued(t *testing.T) {
	f := newFixture(t)
	c := f.adoptWithSmallPipe((*fixture).adopt)
	data := porttest.Bytes(2 * pipeSize)
	f.receive(stdinFrame(childPid, data))
	if err := f.Close(int(c.Child.Stdin)); err != 0 {
		t.Fatal(err)
	}
	f.receive(stdinFrame(childPid, "x"))
	wantInput(t, data, c.drainInput())
	f.wantWritten()
	if c.closing >= 0 || f.poll.fds[f.poll.placeOf(&c.outlet, streamStdin)].FD >= 0 {
		t.Errorf("descriptor %d is kept", c.closing)
	}
	var b [1]byte
	if n, err := unix.Read(c.stdin, b[:]); n != 0 || err != nil {
		t.Errorf("at the end of the input: %d, %v", n, err)
	}
}

func TestInputThatACallClosesEndsBehindWhatIsHeldBack(t *testing.T) {
	f := newFixture(t)
	c := f.adopt(childPid)
	exec, last := callFrame(callExec, "x"), callFrame(callOnly, "last")
	f.receive(stdinFrame(childPid, exec+exec+last))
	if err := f.Close(int(c.Child.Stdin)); err != 0 {
		t.Fatal(err)
	}
	for _, want := range []string{exec, exec, last} {
		f.rounds()
		wantInput(t, want, c.input())
		c.notice(noticeFailed, 0)
	}
	f.rounds()
	if c.closing >= 0 {
		t.Errorf("descriptor %d is kept", c.closing)
	}
}

func TestDataForAChildThatHasClosedItsInputIsLost(t *testing.T) {
	for name, adopt := range map[string]func(*fixture, int) *testChild{
		"this program": (*fixture).adopt, "another program": (*fixture).adoptProgram,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			c := f.adoptWithSmallPipe(adopt)
			data := porttest.Bytes(2 * pipeSize)
			f.receive(stdinFrame(childPid, data))
			f.written()
			c.close(&c.stdin)
			f.rounds()
			f.receive(stdinFrame(childPid, data))
			f.wantWritten()
			if c.queue != nil {
				t.Error("the queue is kept")
			}
		})
	}
}
