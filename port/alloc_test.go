//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"
	"unsafe"

	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// quietCalls answers calls as stubCalls does, and takes no notes.
type quietCalls struct{ stubCalls }

func (quietCalls) Answer(nr int, body []byte, reply *etf.Encoder) { stubReply(reply, nr, len(body)) }
func (quietCalls) ErrnoName(sys.Errno) string                     { return "error" }
func (quietCalls) SignalName(int) string                          { return "signal" }

// traffic is what surrounds a process whose rounds are counted. Its methods do not
// allocate.
type traffic struct {
	*fixture
	in, out, signals int // the other ends of what the process reads, writes, and gets signals from
	buf              [1 << 17]byte
}

func newTraffic(t *testing.T) *traffic {
	t.Helper()
	tr := &traffic{fixture: newFixture(t)}
	tr.calls = quietCalls{}
	tr.in, tr.Process.in.fd = tr.pipe(0)
	tr.signals, tr.Process.signals = tr.pipe(0)
	tr.poll.reset(tr.Process.in.fd, tr.Process.signals)
	return tr
}

// pipe makes a pipe and returns the end of the test, and the one for the process: 0
// to read from, or 1.
func (tr *traffic) pipe(end int) (other, fd int) {
	tr.t.Helper()
	var pair [2]int32
	if err := sys.Pipe2(&pair, sys.O_CLOEXEC); err != 0 {
		tr.t.Fatal(err)
	}
	growPipe(tr.t, int(pair[end]))
	other, fd = int(pair[1-end]), int(pair[end])
	if err := unix.SetNonblock(other, true); err != nil {
		tr.t.Fatal(err)
	}
	tr.t.Cleanup(func() { tr.shut(other, fd) })
	return other, fd
}

// turn runs a round, for which something has to be ready, up to where the next one waits.
func (tr *traffic) turn() {
	if !tr.ready() {
		tr.t.Fatal("nothing is ready")
	}
	tr.round()
	tr.sweep()
	tr.Flush()
}

func (tr *traffic) send(fd int, b []byte) {
	if n, err := sys.Write(fd, b); err != 0 || n != len(b) {
		tr.t.Fatalf("write %d bytes: %d, %v", len(b), n, err)
	}
}

func (tr *traffic) expect(fd int, size int) {
	for size > 0 {
		n, err := sys.Read(fd, tr.buf[:size])
		if err != 0 || n == 0 {
			tr.t.Fatalf("read, with %d bytes still to come: %d, %v", size, n, err)
		}
		size -= n
	}
}

// Nothing that happens to a process again and again makes it take memory. What does:
// more than firstChildren children, and buffers for several children at once, the
// first time.
func TestRoundsTakeNoMemory(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	tr := newTraffic(t)
	const one, two, three, nobody = childPid + 1, childPid + 2, childPid + 3, childPid + 4
	port, small, other := tr.adopt(one), tr.adopt(two), tr.adoptProgram(three)
	growPipe(t, port.stdin)
	if _, err := unix.FcntlInt(uintptr(small.stdin), unix.F_SETPIPE_SZ, pipeSize); err != nil {
		t.Fatal(err)
	}
	tr.out, tr.Process.out.fd = tr.pipe(1)

	much := porttest.Bytes(40_000)
	round := func(fd int, frame string, to int, result string) func() {
		b := []byte(frame)
		return func() { tr.send(fd, b); tr.turn(); tr.expect(to, len(result)) }
	}
	inPieces := func(frame string, at int) func() {
		b, size := []byte(frame), len(proxyFrame(one, frame))
		return func() {
			tr.send(port.out, b[:at])
			tr.turn()
			tr.send(port.out, b[at:])
			tr.turn()
			tr.expect(tr.out, size)
		}
	}
	record := make([]byte, signal.InfoSize)
	record[0] = 10
	exec, call := callFrame(callExec, "x"), callFrame(callOnly, "x")
	execAndCall := []byte(stdinFrame(one, exec+call))
	failed := noticeOf(noticeFailed, 0)
	queued := []byte(stdinFrame(two, much))
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"a call", round(tr.in, call, tr.out, replyFrame(callOnly, 3))},
		{"a large call", round(tr.in, callFrame(callOnly, much), tr.out, replyFrame(callOnly, len(much)+slack))},
		{"many calls", round(tr.in, strings.Repeat(call, 1000), tr.out, strings.Repeat(replyFrame(callOnly, 3), 1000))},
		{"data for nobody", round(tr.in, stdinFrame(nobody, "x"), tr.out, ctlFrame(nobody, "badpid"))},
		{"data for a child", round(tr.in, stdinFrame(one, call), port.stdin, call)},
		{"much data for a child", round(tr.in, stdinFrame(one, callFrame(callOnly, much)), port.stdin, callFrame(callOnly, much))},
		{"data for another program", round(tr.in, stdinFrame(three, "x"), other.stdin, "x")},
		{"a frame of a child", round(port.out, eventFrame("x"), tr.out, proxyFrame(one, eventFrame("x")))},
		{"a large frame of a child", round(port.out, eventFrame(much), tr.out, proxyFrame(one, eventFrame(much)))},
		{"a frame in pieces", inPieces(eventFrame("xyz"), 3)},
		{"a large frame in pieces", inPieces(eventFrame(much), 20_000)},
		{"output of another program", round(other.out, much, tr.out, fromChild(typeStdout, three, much))},
		{"error output", round(port.err, "x", tr.out, fromChild(typeStderr, one, "x"))},
		{"a signal", round(tr.signals, string(record), tr.out, signalEvent("signal", string(record)))},
		{"an exec that fails", func() {
			tr.send(tr.in, execAndCall)
			tr.turn()
			tr.expect(port.stdin, len(exec))
			tr.send(port.control, failed)
			tr.turn()
			tr.expect(port.stdin, len(call))
		}},
		{"data that has to wait for a child", func() {
			tr.send(tr.in, queued)
			for left := len(much); left > 0; left -= pipeSize {
				tr.turn()
				tr.expect(small.stdin, min(left, pipeSize))
			}
			tr.rounds()
		}},
		{"output that has to wait for credit", func() {
			tr.SetFlowControl(other.pid, 0)
			tr.send(other.out, execAndCall)
			tr.rounds()
			tr.SetFlowControl(other.pid, 1)
			tr.turn()
			tr.SetFlowControl(other.pid, -1)
			tr.expect(tr.out, pidHeaderSize+len(execAndCall))
		}},
	} {
		for _, by := range []string{"poll", "epoll"} {
			t.Run(test.name+" by "+by, func(t *testing.T) {
				if by == "epoll" {
					tr.poll.useMany()
					defer tr.poll.dropMany()
				}
				test.do()
				before := tr.buffers()
				if n := testing.AllocsPerRun(100, test.do); n != 0 {
					t.Errorf("%v allocations, want none", n)
				}
				if n := tr.buffers(); n != before {
					t.Errorf("%d buffers, want %d as before", n, before)
				}
			})
		}
	}
}

// buffers returns how many buffers there are to take.
func (p *Process) buffers() (n int) {
	for b := p.unused; b != nil; b = b.next {
		n++
	}
	return n
}

// A process that will have no children needs none, which spares four system calls.
func TestLockingTakesBuffersForTheChildrenThatThereMayBe(t *testing.T) {
	for maxChild, want := range map[int32]int{0: 0, 2: 2, 64: 4} {
		f := newFixture(t)
		f.Options.MaxChild = maxChild
		before := f.buffers()
		f.Locking()
		if n := f.buffers() - before; n != want {
			t.Errorf("%d children: %d buffers, want %d", maxChild, n, want)
		}
	}
}

// Up to then a process needs no system call for memory.
func TestTablesHaveRoomForTheFirstChildren(t *testing.T) {
	f := newFixture(t)
	f.resetTables()
	type tables struct {
		Slots *Child
		Left  *leftover
		FDs   *sys.PollFD
	}
	now := func() tables {
		return tables{unsafe.SliceData(f.table.slots), unsafe.SliceData(f.leftovers.slots), unsafe.SliceData(f.poll.fds)}
	}
	m := f.memory
	few := tables{&m.slots[0], &m.leftovers[0], &m.fds[0]}
	s := &f.spare[0]
	many := tables{&s.slots[0], &s.leftovers[0], &s.fds[0]}
	for n := range int32(firstChildren) {
		f.addClosed(childPid + n)
		want := few
		if n >= fewChildren {
			want = many
		}
		if got := now(); got != want {
			t.Fatalf("with %d children the tables are at %v, want %v", n+1, got, want)
		}
	}
	f.addClosed(childPid + firstChildren)
	if got := now(); got.Slots == many.Slots || got.Left == many.Left || got.FDs == many.FDs {
		t.Errorf("with one more child the tables have not moved")
	}
	for n := range int32(firstChildren) + 1 {
		if c := f.ChildByPid(childPid + n); c == nil || c.slot != n {
			t.Errorf("child %d is in slot %v after the tables have moved", n, c)
		}
	}
	f.resetTables()
	if got := now(); got != few {
		t.Errorf("a forked process has its tables at %v, want %v", got, few)
	}
}
