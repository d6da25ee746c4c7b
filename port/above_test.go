//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Children that frames from above are for.
const (
	runsThisProgram = childPid + 1 // this program: its input is followed
	runsOther       = childPid + 2 // another program
	noInput         = childPid + 3 // its standard input is closed
	hasEnded        = childPid + 4
	second          = childPid + 5 // as runsThisProgram
	nobody          = childPid + 6 // no child
)

// received is what becomes of frames from above.
type received struct {
	Frames []string // written to descriptor 1
	Asked  []question
	Inputs map[int][]string // of children
	Rest   string           // the beginning of a frame that is not complete
	Bad    string           // the frame that ends the process
}

// receivedAtOnce returns what is to become of a stream. It looks at one whole frame after
// the other and knows of no buffers. The input of a child that runs this program ends
// at an exec call, goes on when that has failed, ends at the next, and so on.
func receivedAtOnce(stream string) received {
	r := received{Inputs: map[int][]string{}}
	for _, frame := range framesIn(stream) {
		if len(frame) < lengthSize || len(frame) < lengthSize+get16([]byte(frame)) {
			r.Rest = frame
			break
		}
		if !r.frame(frame[lengthSize:]) {
			r.Bad = frame
			break
		}
	}
	for _, pid := range []int{runsThisProgram, second} {
		input, closed := r.input(pid), true
		for r.Inputs[pid] = nil; closed; {
			p := passedAtOnce(input)
			r.Inputs[pid] = append(r.Inputs[pid], input[:p.N])
			input, closed = input[p.N:], p.Closed
		}
	}
	r.Inputs[runsOther] = []string{r.input(runsOther)}
	return r
}

// frame takes a frame without its length and reports whether it is one that may come.
func (r *received) frame(b string) bool {
	switch {
	case b == "" || b == "\x00":
		r.Frames = append(r.Frames, ctlFrame(0, "badpid"))
	case len(b) >= 6 && b[:2] == "\x00\x00":
		r.stdin(int(binary.BigEndian.Uint32([]byte(b[2:]))), b[6:])
	case len(b) >= 5 && b[:2] == "\x00\x04":
		r.call(int(binary.BigEndian.Uint16([]byte(b[2:]))), b[4:]+"\x00\x00")
	default:
		return false
	}
	return true
}

func (r *received) call(nr int, body string) {
	r.Asked = append(r.Asked, question{nr, body})
	if nr != callQuiet {
		r.Frames = append(r.Frames, replyFrame(nr, len(body)))
	}
}

func (r *received) stdin(pid int, data string) {
	switch pid {
	case runsThisProgram, second:
		input := r.input(pid)
		held := len(input) - passedAtOnce(input).N
		if held+len(data) > queueSize {
			r.Frames = append(r.Frames, pipeFrame(pid, 0))
			return
		}
		fallthrough
	case runsOther:
		r.Inputs[pid] = append(r.Inputs[pid], data)
	case noInput:
	default:
		r.Frames = append(r.Frames, ctlFrame(pid, "badpid"))
	}
}

func (r *received) input(pid int) string { return strings.Join(r.Inputs[pid], "") }

// receivedInPieces returns what becomes of a stream that is read in pieces. A frame that
// ends the process is not sent, but has to be refused.
func receivedInPieces(t *testing.T, stream string, cuts ...int) received {
	t.Helper()
	f := newFixture(t)
	children := map[int]*testChild{runsThisProgram: f.adopt(runsThisProgram), runsOther: f.adoptProgram(runsOther), second: f.adopt(second)}
	for _, c := range children {
		growPipe(t, c.stdin)
	}
	f.shut(int(f.adopt(noInput).takeStdin()))
	f.adopt(hasEnded)
	f.evict(hasEnded)

	good, bad := untilBad(stream)
	f.receive(good, cuts...)
	r := received{Asked: f.stub.asked, Inputs: map[int][]string{}, Rest: string(f.in.bytes())}
	if bad != "" && !f.handle([]byte(bad)) {
		r.Bad = bad
	}
	for pid, c := range children {
		r.Inputs[pid] = []string{c.input()}
		for c.gate == gateClosed {
			c.notice(noticeFailed, 0)
			f.readControl(c.Child)
			r.Inputs[pid] = append(r.Inputs[pid], c.input())
		}
	}
	r.Frames = framesIn(f.written())
	return r
}

// untilBad cuts a stream before the frame that ends the process.
func untilBad(stream string) (good, bad string) {
	bad = receivedAtOnce(stream).Bad
	if bad == "" {
		return stream, ""
	}
	for _, frame := range framesIn(stream) {
		if frame == bad {
			break
		}
		good += frame
	}
	return good, bad
}

// receive gives the process a stream, which it reads in pieces that end at the cuts.
func (f *fixture) receive(stream string, cuts ...int) {
	f.t.Helper()
	var pair [2]int32
	if err := sys.Pipe2(&pair, sys.O_CLOEXEC|sys.O_NONBLOCK); err != 0 {
		f.t.Fatal(err)
	}
	defer f.shut(int(pair[0]), int(pair[1]))
	growPipe(f.t, int(pair[1]))
	f.in.fd = int(pair[0])
	from := 0
	for _, end := range append(cuts, len(stream)) {
		if n, err := sys.Write(int(pair[1]), []byte(stream[from:end])); err != 0 || n != end-from {
			f.t.Fatalf("write %d bytes to descriptor 0: %d, %v", end-from, n, err)
		}
		from = end
		for fds := []sys.PollFD{{FD: pair[0], Events: sys.POLLIN}}; pollNow(f.t, fds) > 0; {
			f.readInbound()
		}
	}
}

func growPipe(t testing.TB, fd int) {
	t.Helper()
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, 1<<20); err != nil {
		t.Fatal(err)
	}
}

func TestFramesFromAboveGoWhereTheyAreMeantFor(t *testing.T) {
	most := strings.Repeat("0123456789abcdef", 4096)[:65535-6]
	exec, data := callFrame(callExec, "x"), callFrame(callOnly, "data")
	port := func(data string) string { return stdinFrame(runsThisProgram, data) }
	for _, test := range []struct{ name, stream string }{
		{"a call", callFrame(callOnly, "term")},
		{"a call without a reply", callFrame(callQuiet, "term")},
		{"calls in a row", callFrame(1, "a") + callFrame(2, "bcd") + callFrame(65535, "e") + callFrame(0, "f")},
		{"a call of the greatest size", callFrame(callOnly, most+"xy") + callFrame(callOnly, "term")},
		{"a call without a term", callFrame(callOnly, "")},
		{"a call without a number", "\x00\x03\x00\x04\x00"},
		{"data for each child", port("a") + stdinFrame(runsOther, "b") + stdinFrame(noInput, "c") + stdinFrame(hasEnded, "d") + stdinFrame(nobody, "e")},
		{"data for pids that are none", stdinFrame(0, "a") + stdinFrame(-1, "b") + stdinFrame(1<<31, "c")},
		{"no data", port("") + stdinFrame(runsOther, "") + stdinFrame(nobody, "")},
		{"data for children in turn", port("a") + stdinFrame(second, "b") + port("c") + stdinFrame(runsOther, "d") + stdinFrame(second, "e"+exec) + stdinFrame(second, "f") + port("g")},
		{"data between calls", port("a") + port("b") + callFrame(1, "x") + port("c") + stdinFrame(runsOther, "d") + port("e")},
		{"much data", port(most) + port("a") + stdinFrame(runsOther, most) + port(most) + port("b") + port(most[:gatherBelow]) + port("c")},
		{"what is held back behind an exec call", port("a"+exec) + port(data) + port("more"+data) + callFrame(1, "x") + port(data)},
		{"an exec call in the middle of data", port(data+exec+data) + port("\x00\x01\x00"+exec+exec+data)},
		{"an exec call in pieces", port(data+exec[:3]) + port(exec[3:]) + port(data)},
		{"an exec call of a grandchild", port(stdinFrame(9, exec)) + port(data)},
		{"more than is held back", port(exec) + port(data) + port(most) + port(data) + port(most[:100])},
		{"a type from below", port("a") + fromChild(typeStdout, runsThisProgram, "x") + port("b")},
		{"a type that does not exist", callFrame(1, "x") + "\x00\x04\x00\x08\x00\x00" + callFrame(2, "y")},
		{"data without a whole pid", "\x00\x05\x00\x00\x00\x00\x01"},
		{"no type", "\x00\x00" + callFrame(1, "x")},
		{"half a type", "\x00\x01\x00" + callFrame(1, "x")},
		{"half a type that is not 0", callFrame(1, "x") + "\x00\x01\x04"},
		{"the beginning of a frame", port("a") + callFrame(callOnly, most)[:65000]},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := receivedAtOnce(test.stream)
			good, _ := untilBad(test.stream)
			all := [][]int{nil, {len(good) / 2}, {len(good) / 3, len(good) / 3 * 2}}
			for cut := range min(len(good), 15) {
				all = append(all, []int{cut}, []int{len(good) - cut})
			}
			for _, cuts := range all {
				// A user may have few large pipes at a time, and a test closes its own.
				t.Run(fmt.Sprint("cut at ", cuts), func(t *testing.T) {
					if diff := cmp.Diff(want, receivedInPieces(t, test.stream, cuts...)); diff != "" {
						t.Errorf("(-want +got):\n%s", diff)
					}
				})
			}
		})
	}
}

// Whatever comes from above, and however it is cut, it goes where it is meant for and
// nowhere else, and what cannot be meant ends the process.
func FuzzFramesFromAbove(f *testing.F) {
	f.Fuzz(func(t *testing.T, stream string, first, second uint16) {
		stream = stream[:min(len(stream), 1<<14)] // more is more of the same
		good, _ := untilBad(stream)
		a, b := int(first)%(len(good)+1), int(second)%(len(good)+1)
		got := receivedInPieces(t, stream, min(a, b), max(a, b))
		if diff := cmp.Diff(receivedAtOnce(stream), got); diff != "" {
			t.Errorf("%q, cut at %d and %d (-want +got):\n%s", stream, a, b, diff)
		}
	})
}
