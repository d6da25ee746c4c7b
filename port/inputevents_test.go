//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
)

// told returns what is told of the input of a child.
func told(pid int, what string, value porttest.Term) string {
	return proxyFrame(pid, string(porttest.Frame(porttest.TypeCtl, porttest.Encode(porttest.Tuple{porttest.Atom(what), value}))))
}

func TestEveryMessageForAProgramIsAcknowledgedWhenThatIsAskedFor(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adoptWithSmallPipe((*fixture).adoptProgram)
	f.receive(stdinFrame(childPid, "one") + stdinFrame(childPid, "") + stdinFrame(childPid, "three"))
	f.wantWritten(told(childPid, "stdin_taken", 3), told(childPid, "stdin_taken", 0), told(childPid, "stdin_taken", 5))
	wantInput(t, "onethree", c.drainInput())
	f.rounds()
	f.wantWritten()
}

func TestASenderWhoWasRefusedHearsOnceWhenThereIsRoom(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adoptWithSmallPipe((*fixture).adoptProgram)
	data := porttest.Bytes(pipeSize + 100)
	f.receive(stdinFrame(childPid, data) + stdinFrame(childPid, "x"))
	f.wantWritten(told(childPid, "stdin_taken", pipeSize), told(childPid, "stdin_taken", 0))
	f.rounds()
	f.wantWritten()
	wantInput(t, data[:pipeSize], c.input())
	f.rounds()
	f.wantWritten(told(childPid, "stdin_ready", atomic))
	f.receive(stdinFrame(childPid, data[:atomic]))
	f.wantWritten(told(childPid, "stdin_taken", atomic))
	wantInput(t, data[:atomic], c.drainInput())
	f.rounds()
	f.wantWritten()
	if f.poll.fds[f.poll.placeOf(&c.outlet, streamStdin)].FD >= 0 {
		t.Error("standard input is still waited for")
	}
}

// What was sent before an exec is known to have succeeded is told together.
func TestInputSentBehindAnExecIsAcknowledgedTogether(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adopt(childPid)
	f.receive(stdinFrame(childPid, callFrame(callExec, "x")+"one") + stdinFrame(childPid, "three"))
	f.wantWritten()
	c.input()
	c.notice(noticeExec, 0)
	c.close(&c.control)
	f.rounds()
	f.wantWritten(ctlFrame(childPid, "fdctl_closed"), told(childPid, "stdin_taken", 8))
	wantInput(t, "onethree", c.drainInput())
	f.receive(stdinFrame(childPid, "x"))
	f.wantWritten(told(childPid, "stdin_taken", 1))
}

// Room is told of when what was held back is in the pipe and there is more room.
func TestRoomBehindHeldInputIsToldWhenItIsThere(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adoptWithSmallPipe((*fixture).adopt)
	held := porttest.Bytes(2 * pipeSize)
	f.receive(stdinFrame(childPid, callFrame(callExec, "x")+held))
	c.input()
	c.notice(noticeExec, 0)
	c.close(&c.control)
	f.rounds()
	f.wantWritten(ctlFrame(childPid, "fdctl_closed"), told(childPid, "stdin_taken", 2*pipeSize))
	f.receive(stdinFrame(childPid, "x"))
	f.wantWritten(told(childPid, "stdin_taken", 0))
	wantInput(t, held[:pipeSize], c.input())
	f.rounds() // the second half goes into the pipe, which is full again
	f.wantWritten()
	wantInput(t, held[pipeSize:], c.input())
	f.rounds()
	f.wantWritten(told(childPid, "stdin_ready", atomic))
}

func TestInputThatIsClosedIsAnErrorForEveryMessage(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adoptProgram(childPid)
	epipe := porttest.Atom(stubCalls{}.ErrnoName(sys.EPIPE))
	c.close(&c.stdin)
	f.receive(stdinFrame(childPid, "one") + stdinFrame(childPid, "two"))
	f.wantWritten(told(childPid, "stdin_error", epipe), told(childPid, "stdin_error", epipe))
	f.Close(int(c.Child.Stdin))
	f.receive(stdinFrame(childPid, "three"))
	f.wantWritten(told(childPid, "stdin_error", porttest.Atom(stubCalls{}.ErrnoName(sys.EBADF))))
}

func TestInputThatIsClosedWhileSomebodyWaitsForRoomIsForgotten(t *testing.T) {
	f := newFixture(t)
	f.Options.StdinTaken = true
	c := f.adoptWithSmallPipe((*fixture).adoptProgram)
	f.receive(stdinFrame(childPid, strings.Repeat("x", pipeSize+1)))
	f.wantWritten(told(childPid, "stdin_taken", pipeSize))
	f.Close(int(c.Child.Stdin))
	if f.poll.fds[f.poll.placeOf(&c.outlet, streamStdin)].FD >= 0 {
		t.Error("a closed descriptor is waited for")
	}
	c.input()
	f.rounds()
	f.wantWritten()
}
