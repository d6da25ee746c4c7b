//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
)

// What a frame costs without system calls: nothing is read, and what is gathered is not
// written.
func BenchmarkFrames(b *testing.B) {
	call, event, large := callFrame(callOnly, "x"), eventFrame("x"), eventFrame(porttest.Bytes(copyBelow))
	for _, bench := range []struct {
		name   string
		frame  string
		frames int
		handle func(f *fixture, c *testChild, frames []byte)
	}{
		{"call", call, 100, fromAbove},
		{"frame of a child", event, 100, fromBelow},
		{"large frame of a child", large, maxPieces/2 - 1, fromBelow},
	} {
		b.Run(bench.name, func(b *testing.B) {
			f := newFixture(b)
			f.calls = quietCalls{}
			c := f.adopt(childPid)
			frames := []byte(strings.Repeat(bench.frame, bench.frames))
			b.ReportAllocs()
			b.SetBytes(int64(len(frames)))
			for b.Loop() {
				bench.handle(f, c, frames)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*bench.frames), "ns/frame")
		})
	}
}

func fromAbove(f *fixture, _ *testChild, frames []byte) {
	f.in.r, f.in.w = 0, copy(f.in.b, frames)
	f.handleInbound()
	f.out.clear()
}

func fromBelow(f *fixture, c *testChild, frames []byte) {
	if c.ahead == nil {
		c.ahead = f.take()
	}
	h := c.ahead
	h.r, h.w = 0, copy(h.b, frames)
	h.w += copy(h.b[h.w:], "\x00") // of another frame: what is empty would be given back, and before that written
	f.forwardFrames(&c.outlet, ^uint64(0))
	f.out.clear()
}

// What a message costs with the system calls of the process and of its neighbours.
func BenchmarkRounds(b *testing.B) {
	call, event, large := callFrame(callOnly, "x"), eventFrame("x"), eventFrame(porttest.Bytes(40_000))
	up := func(tr *traffic, c *testChild) (from, to int) { return c.out, tr.out }
	down := func(tr *traffic, c *testChild) (from, to int) { return tr.in, c.stdin }
	back := func(tr *traffic, c *testChild) (from, to int) { return tr.in, tr.out }
	for _, bench := range []struct {
		name         string
		way          func(tr *traffic, c *testChild) (from, to int)
		send, result string
	}{
		{"call", back, call, replyFrame(callOnly, 3)},
		{"50 calls", back, strings.Repeat(call, 50), strings.Repeat(replyFrame(callOnly, 3), 50)},
		{"call to a child", down, stdinFrame(childPid, call), call},
		{"frame of a child", up, event, proxyFrame(childPid, event)},
		{"large frame of a child", up, large, proxyFrame(childPid, large)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			tr := &traffic{fixture: newFixture(b)}
			tr.calls = quietCalls{}
			tr.in, tr.Process.in.fd = tr.pipe(0)
			tr.poll.fds[placeInput].FD = int32(tr.Process.in.fd)
			c := tr.adopt(childPid)
			growPipe(b, c.out)
			tr.out, tr.Process.out.fd = tr.pipe(1)
			from, to := bench.way(tr, c)
			message := []byte(bench.send)
			b.ReportAllocs()
			for b.Loop() {
				tr.send(from, message)
				tr.turn()
				tr.expect(to, len(bench.result))
			}
		})
	}
}
