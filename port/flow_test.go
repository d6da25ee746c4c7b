//go:build linux

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
