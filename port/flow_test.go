//go:build linux

package port

import (
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func output(data string) string      { return fromChild(porttest.TypeStdout, childPid, data) }
func errorOutput(data string) string { return fromChild(porttest.TypeStderr, childPid, data) }

func TestPiecesOfBothStreamsAreCounted(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adoptProgram(childPid)
		f.SetFlowControl(c.Child, 3)
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
		f.SetFlowControl(c.Child, -1)
		f.rounds()
		f.wantWritten(output("e"), errorOutput("df"))
	})
}

func TestAChildThatRunsThisProgramIsNotHeldBack(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adopt(childPid)
		f.SetFlowControl(c.Child, 0)
		c.write(c.out, eventFrame("x"))
		c.write(c.err, "y")
		f.rounds()
		f.wantWritten(proxyFrame(childPid, eventFrame("x")), errorOutput("y"))
	})
}

// Without credit nobody reads what a child wrote that has ended, and whoever it left
// behind may go on writing.
func TestWithoutCreditAChildThatHasEndedKeepsItsSlotForAsLongAsThereIsOutput(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		f.Options.StdoutClosed, f.Options.StderrClosed = true, true
		c := f.adoptProgram(childPid)
		f.SetFlowControl(c.Child, 0)
		c.write(c.out, "x")
		f.Waited(childPid)
		f.rounds()
		c.close(&c.err) // at its end
		f.rounds()
		f.wantWritten(ctlFrame(childPid, "stderr_closed"))
		c.close(&c.out) // not at its end: there is output
		f.rounds()
		f.wantWritten()
		if n := f.Slots(); n != 1 {
			t.Fatalf("%d slots, want that of the child", n)
		}
		f.SetFlowControl(&f.table.slots[0], 1)
		f.rounds()
		f.wantWritten(output("x"), ctlFrame(childPid, "stdout_closed")) // the end needs no credit
		if diff := cmp.Diff([]int32{}, f.listed()); diff != "" {
			t.Errorf("slots (-want +got):\n%s", diff)
		}
	})
}
