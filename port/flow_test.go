//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
)

func output(data string) string      { return fromChild(porttest.TypeStdout, childPid, data) }
func errorOutput(data string) string { return fromChild(porttest.TypeStderr, childPid, data) }

func TestPiecesOfBothStreamsAreCounted(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adoptProgram(childPid)
		f.SetFlowControl(childPid, 3)
		for _, step := range []struct {
			out, err string
			want     []string
			left     int32
		}{
			{"a", "b", []string{output("a"), errorOutput("b")}, 1},
			{"c", "d", []string{output("c")}, 0},
			{"e", "f", nil, 0},
		} {
			c.write(c.out, step.out)
			c.write(c.err, step.err)
			f.rounds()
			f.wantWritten(step.want...)
			if c.FlowControl != step.left {
				t.Errorf("%d pieces are left, want %d", c.FlowControl, step.left)
			}
		}
		f.SetFlowControl(childPid, -1)
		f.rounds()
		f.wantWritten(output("e"), errorOutput("df"))
	})
}

func TestAChildThatRunsThisProgramIsNotHeldBack(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adopt(childPid)
		f.SetFlowControl(childPid, 0)
		c.write(c.out, eventFrame("x"))
		c.write(c.err, "y")
		f.rounds()
		f.wantWritten(proxyFrame(childPid, eventFrame("x")), errorOutput("y"))
	})
}

func TestBytesOfBothStreamsAreCounted(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adoptProgram(childPid)
		f.SetFlowBytes(childPid, 5)
		for _, step := range []struct {
			out, err string
			want     []string
			left     int32
		}{
			{"a", "bc", []string{output("a"), errorOutput("bc")}, 2},
			{"defg", "h", []string{output("de")}, 0},
			{"i", "", nil, 0},
		} {
			c.write(c.out, step.out)
			c.write(c.err, step.err)
			f.rounds()
			f.wantWritten(step.want...)
			if c.FlowBytes != step.left {
				t.Errorf("%d bytes are left, want %d", c.FlowBytes, step.left)
			}
		}
		f.AddFlowBytes(childPid, 2)
		f.rounds()
		f.wantWritten(output("fg"))
		f.SetFlowBytes(childPid, -1)
		f.rounds()
		f.wantWritten(output("i"), errorOutput("h"))
	})
}

// Either count holds the output back.
func TestPiecesAndBytesAreBothCounted(t *testing.T) {
	f := newFixture(t)
	c := f.adoptProgram(childPid)
	f.SetFlowControl(childPid, 1)
	f.SetFlowBytes(childPid, 3)
	c.write(c.out, "abcde")
	f.rounds()
	f.wantWritten(output("abc"))
	f.AddFlowBytes(childPid, 1)
	f.rounds()
	f.wantWritten()
	f.AddFlowControl(childPid, 2)
	f.rounds()
	f.wantWritten(output("d"))
	f.AddFlowBytes(childPid, 10)
	f.rounds()
	f.wantWritten(output("e"))
	if c.FlowControl != 0 || c.FlowBytes != 9 {
		t.Errorf("%d pieces and %d bytes are left", c.FlowControl, c.FlowBytes)
	}
}

func TestMoreCreditIsAddedToWhatIsLeft(t *testing.T) {
	for _, test := range []struct{ credit, n, want int32 }{
		{0, 1, 1}, {3, 4, 7}, {-1, 4, -1}, {5, 0, 5}, {1<<31 - 1, 1, 1<<31 - 1}, {1 << 30, 1 << 30, 1<<31 - 1},
	} {
		if got := more(test.credit, test.n); got != test.want {
			t.Errorf("%d and %d are %d, want %d", test.credit, test.n, got, test.want)
		}
	}
}

// What was read along with frames, before the exec was noticed, is bound by the count, too.
func TestOutputBehindFramesIsDeliveredByBytes(t *testing.T) {
	f := newFixture(t)
	c := f.adopt(childPid)
	f.SetFlowBytes(childPid, 4)
	c.notice(noticeExec, 0)
	c.write(c.out, "output")
	c.close(&c.control)
	f.rounds()
	f.wantWritten(ctlFrame(childPid, "fdctl_closed"), output("outp"))
	f.AddFlowBytes(childPid, 4)
	f.rounds()
	f.wantWritten(output("ut"))
}
