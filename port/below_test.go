//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A schedule says how much a child writes before the process looks, again and again: a
// byte for each piece. If it is odd, the process is already on its way to read the
// child's output when the piece comes, and looks at nothing else before.
type schedule string

// write writes data as the child, in pieces. The next write goes on in the schedule.
func (s *schedule) write(c *testChild, data string) {
	c.f.t.Helper()
	for stuck := false; data != ""; {
		piece, look, outputFirst := len(data), *s != "", false
		if look {
			b := int((*s)[0])
			piece, outputFirst, *s = min(piece, 1+b*16), b&1 != 0, (*s)[1:]
		}
		n, err := sys.Write(c.out, []byte(data[:piece]))
		switch err {
		case 0:
			data = data[n:]
			stuck = false
		case sys.EAGAIN:
			if stuck {
				c.f.t.Fatal("the process does not read what the child writes")
			}
			stuck, look = true, true
		case unix.EPIPE:
			return
		default:
			c.f.t.Fatalf("write to descriptor 1 of the child: %v", err)
		}
		if look {
			c.look(outputFirst)
		}
	}
}

// look has the process do all that there is to be done.
func (c *testChild) look(outputFirst bool) {
	c.f.t.Helper()
	if outputFirst {
		c.f.readStdout(c.Child)
	}
	c.f.rounds()
}

// proxied returns what the process makes of the output of a child that runs this program,
// and whether it understands all of it.
func proxied(output string) (frames []string, understood bool) {
	for _, frame := range framesIn(output) {
		if len(frame) < lengthSize {
			break
		}
		length := get16([]byte(frame))
		if length > maxInner {
			return frames, false
		}
		if len(frame) == lengthSize+length {
			frames = append(frames, proxyFrame(childPid, frame))
		}
	}
	return frames, true
}

// inBothWays runs the test with the child in the list for poll, and watched by epoll.
func inBothWays(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	t.Run("poll", func(t *testing.T) { test(t, newFixture(t)) })
	t.Run("epoll", func(t *testing.T) { f := newFixture(t); f.poll.useMany(); test(t, f) })
}

// checkUnderstood lets a child write output, end, and compares what the process makes
// of it.
func (f *fixture) checkUnderstood(output string, s schedule, outputEndsFirst bool) {
	f.t.Helper()
	f.Options.StdoutClosed = true
	c := f.adopt(childPid)
	growPipe(f.t, c.out)
	s.write(c, output)
	if outputEndsFirst {
		c.close(&c.out)
		f.rounds()
	}
	c.close(&c.control)
	f.rounds()
	c.close(&c.out)
	f.rounds()
	want, understood := proxied(output)
	want = append(want, ctlFrame(childPid, "fdctl_closed"))
	if understood {
		want = append(want, ctlFrame(childPid, "stdout_closed"))
	}
	if diff := cmp.Diff(want, framesIn(f.written())); diff != "" {
		f.t.Errorf("frames (-want +got):\n%s", diff)
	}
	if c.ahead != nil || c.Stdout >= 0 {
		f.t.Errorf("something of the child's output is left: %+v", c.Child)
	}
}

func eventFrame(data string) string { return string(porttest.Frame(porttest.TypeEvent, []byte(data))) }

func TestFramesOfAChildArePassedOnWhole(t *testing.T) {
	most := porttest.Bytes(1 << 16)
	var different string
	for i := range 2 * burst {
		different += eventFrame(porttest.Bytes((i + 1) << 16)[i<<16:][:maxInner-2])
	}
	tooLong := string(porttest.Frame(porttest.TypeCall, []byte(most[:maxInner+1-2])))
	large := func(n int) string { return eventFrame(most[:n]) }
	for _, test := range []struct{ name, output string }{
		{"nothing", ""},
		{"a frame", eventFrame("x")},
		{"frames in a row", eventFrame("x") + eventFrame("") + eventFrame("yz")},
		{"frames that are shorter than a header", "\x00\x00\x00\x01x\x00\x00"},
		{"frames around the size from which on they are not copied", large(copyBelow-5) + large(copyBelow-4) + large(copyBelow-3)},
		{"frames around the size that shows that there is much", large(bulkFrame-5) + large(bulkFrame-4) + large(bulkFrame-3)},
		{"frames of the greatest size", large(maxInner-2) + large(maxInner-2) + large(1) + large(maxInner-2)},
		{"more than is held of a child", different},
		{"more large frames than one writev takes", strings.Repeat(large(copyBelow), maxPieces+1)},
		{"the beginning of a frame", eventFrame("x") + eventFrame("yz")[:3]},
		{"half a length", eventFrame("x") + "\x00"},
		{"a frame that is too long to be passed on", eventFrame("x") + tooLong + eventFrame("y")},
		{"the length of a frame that is too long", eventFrame("x") + tooLong[:2]},
		{"many frames", strings.Repeat(eventFrame("x"), 30_000)},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, s := range []schedule{"", "\x00\x00\x00\x00\x00\x00\x00\x01", "\x10\xff\xff\x00\xff"} {
				inBothWays(t, func(t *testing.T, f *fixture) { f.checkUnderstood(test.output, s, false) })
				inBothWays(t, func(t *testing.T, f *fixture) { f.checkUnderstood(test.output, s, true) })
			}
		})
	}
}

// Large frames are written from where they were read, which others must not use before.
func TestLargeFramesOfSeveralChildrenInOneRoundStayApart(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		var want []string
		for pid := childPid; pid < childPid+4; pid++ {
			frame := eventFrame(strings.Repeat(string(rune('a'+pid-childPid)), 2*copyBelow))
			c := f.adopt(pid)
			c.write(c.out, frame)
			want = append(want, proxyFrame(pid, frame))
		}
		f.rounds()
		if diff := cmp.Diff(want, framesIn(f.written())); diff != "" {
			t.Errorf("frames (-want +got):\n%.3000s", diff)
		}
	})
}

// Whatever a child writes that runs this program, and in whatever pieces, its frames
// are passed on whole, and nothing behind one that cannot be.
func FuzzFramesFromBelow(f *testing.F) {
	f.Fuzz(func(t *testing.T, output, pieces string, outputEndsFirst bool) {
		f := newFixture(t)
		f.checkUnderstood(output, schedule(pieces), outputEndsFirst)
	})
}

// An execution is what a child does around exec calls.
type execution struct {
	Frames []string // what it writes before each of them; all fail, except the last
	Fails  bool     // as well the last
	After  string   // frames if it fails, else what the new program writes

	Unseen      bool  // the process does not know of the calls: the child read from descriptor 0
	Noticed     bool  // and said so before
	OutputFirst bool  // at the end the process looks at the output first, as in a schedule
	Credit      int32 // flow control
	Epoll       bool
}

// check lets a child do that and compares what the process makes of it.
func (e execution) check(t *testing.T, s schedule) {
	t.Helper()
	f := newFixture(t)
	f.Options.StdoutClosed = true
	if e.Epoll {
		f.poll.useMany()
	}
	c := f.adopt(childPid)
	growPipe(t, c.out)
	c.FlowControl = e.Credit
	switch {
	case e.Unseen && e.Noticed:
		c.notice(noticeInput, 0)
		f.rounds()
	case e.Unseen:
		f.forward(childPid, []byte(callFrame(callRead, "")+"input of the call"))
		f.feedPending()
	}
	for i, frames := range e.Frames {
		if !e.Unseen {
			c.gate = gateClosed
		}
		s.write(c, frames)
		c.notice(noticeExec, len(frames))
		if e.Fails || i < len(e.Frames)-1 {
			c.notice(noticeFailed, 0)
		}
	}
	if e.Fails {
		s.write(c, e.After)
		c.close(&c.control)
	} else {
		c.close(&c.control)
		s.write(c, e.After)
	}
	c.close(&c.out)
	c.look(e.OutputFirst)
	got := framesIn(f.written())
	if n := countOutput(got); e.Credit >= 0 && n > int(e.Credit) {
		t.Errorf("%d pieces of output, want at most %d", n, e.Credit)
	}
	f.SetFlowControl(childPid, -1)
	f.rounds()
	got = append(got, framesIn(f.written())...)
	if diff := cmp.Diff(e.want(), joinOutput(got)); diff != "" {
		t.Errorf("%.300v: frames (-want +got):\n%.3000s", e, diff)
	}
}

func (e execution) want() []string {
	frames, _ := proxied(strings.Join(e.Frames, ""))
	if e.Fails {
		more, _ := proxied(e.After)
		frames = append(frames, more...)
	}
	frames = append(frames, ctlFrame(childPid, "fdctl_closed"))
	if !e.Fails && e.After != "" {
		frames = append(frames, "output: "+e.After)
	}
	return append(frames, ctlFrame(childPid, "stdout_closed"))
}

// outputIn returns the output of another program that a frame holds.
func outputIn(frame string) (output string, ok bool) {
	return strings.CutPrefix(frame[lengthSize:], fromChild(porttest.TypeStdout, childPid, "")[lengthSize:])
}

func countOutput(frames []string) (n int) {
	for _, frame := range frames {
		if _, ok := outputIn(frame); ok {
			n++
		}
	}
	return n
}

// joinOutput joins the pieces of output that follow each other.
func joinOutput(frames []string) (joined []string) {
	const prefix = "output: "
	for _, frame := range frames {
		output, ok := outputIn(frame)
		last := len(joined) - 1
		switch {
		case !ok:
			joined = append(joined, frame)
		case last >= 0 && strings.HasPrefix(joined[last], prefix):
			joined[last] += output
		default:
			joined = append(joined, prefix+output)
		}
	}
	return joined
}

func TestWhatAChildWritesAroundAnExecIsToldApart(t *testing.T) {
	most := strings.Repeat("0123456789abcdef", 4096)
	frames := eventFrame("x") + eventFrame("") + eventFrame("yz")
	large := eventFrame(most[:maxInner-2])
	for _, test := range []struct {
		name   string
		before []string
		after  string
	}{
		{"nothing", []string{""}, ""},
		{"frames only", []string{frames}, ""},
		{"output only", []string{""}, "output"},
		{"output that looks like frames", []string{frames}, frames + "output"},
		{"output that looks like a frame that is too long", []string{frames}, "\xff\xff\x00"},
		{"output that looks like the end of a frame", []string{large}, large[1:]},
		{"large frames and output", []string{large + frames + large}, most + frames},
		{"more output than is held", []string{large}, strings.Repeat(most, 5)},
		{"calls that fail before", []string{frames, "", frames + large, frames}, frames + "output"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for bits := range 32 {
				e := execution{
					Frames: test.before, After: test.after,
					Fails: bits&1 != 0, Unseen: bits&2 != 0, OutputFirst: bits&4 != 0, Epoll: bits&8 != 0, Noticed: bits&16 != 0, Credit: -1,
				}
				if e.Fails {
					e.After = frames
				}
				for _, s := range []schedule{"", "\x00", "\x01\x00\x01\x01\x00", "\xff\xff\xff\xff\x01\xff\xfe\xff\xfe\xff"} {
					e.check(t, s)
				}
			}
		})
	}
}

func TestOutputBehindAnExecWaitsForCredit(t *testing.T) {
	for _, output := range []string{"output of a program", strings.Repeat("output", 60_000)} {
		for credit := range int32(4) {
			for _, s := range []schedule{"", "\x00", "\x01", "\x00\x00\x01\x00\x01"} {
				for _, first := range []bool{false, true} {
					execution{Frames: []string{eventFrame("x")}, After: output, Credit: credit, OutputFirst: first}.check(t, s)
				}
			}
		}
	}
}

// What a child writes before its exec calls are frames. What is written after
// the last is output of the program, or frames if the exec failed. It does not
// matter how the process comes to see it.
func FuzzOutputAroundAnExec(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after, pieces string, bits, credit uint8) {
		e := execution{
			After: after,
			Fails: bits&1 != 0, Unseen: bits&2 != 0, OutputFirst: bits&4 != 0, Epoll: bits&8 != 0, Noticed: bits&16 != 0, Credit: int32(credit%16) - 1,
		}
		for b := range strings.SplitSeq(before, "|") {
			e.Frames = append(e.Frames, wholeFrames(b))
		}
		if e.Fails {
			e.After = wholeFrames(e.After)
		}
		e.check(t, schedule(pieces))
	})
}

// wholeFrames makes frames of any bytes: the first says how many of those after it
// are a frame's contents, and so on.
func wholeFrames(b string) (frames string) {
	for b != "" {
		n := min(int(b[0]), len(b)-1)
		frames += string([]byte{0, byte(n)}) + b[1:1+n]
		b = b[1+n:]
	}
	return frames
}
