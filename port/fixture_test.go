//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// Numbers of calls that stubCalls knows.
const (
	callOnly  = 7 // any that is not one of the others
	callExec  = 20
	callQuiet = 21 // sends no reply
	callRead  = 22
)

// stubCalls answers calls with what it was asked, and takes notes.
type stubCalls struct {
	asked []question
	act   func(nr int) // what the call does, if anything
}

type question struct {
	Number int
	Body   string
}

func (s *stubCalls) Answer(nr int, body []byte, reply *etf.Encoder) {
	s.asked = append(s.asked, question{nr, string(body)})
	if s.act != nil {
		s.act(nr)
	}
	if nr != callQuiet {
		stubReply(reply, nr, len(body))
	}
}

// stubReply replies {Number, Size of the body}.
func stubReply(reply *etf.Encoder, nr, size int) {
	reply.Version()
	reply.Tuple(2)
	reply.Int(int64(nr))
	reply.Int(int64(size))
}

func (stubCalls) Execs(nr int) bool { return nr == callExec }
func (stubCalls) Reads(nr int) bool { return nr == callRead }

func (stubCalls) ErrnoName(err sys.Errno) string { return fmt.Sprint("error ", int(err)) }
func (stubCalls) SignalName(signo int) string    { return fmt.Sprint("signal ", signo) }

// Frames from and to the process.

func callFrame(nr int, body string) string {
	return string(porttest.RawCallFrame(nil, nr, []byte(body)))
}

func stdinFrame(pid int, data string) string {
	return string(porttest.StdinFrame(porttest.Pipeline{pid}, []byte(data)))
}

func replyFrame(nr, bodySize int) string {
	return string(porttest.Frame(porttest.TypeCall, porttest.Encode(porttest.Tuple{nr, bodySize})))
}

func fromChild(typ porttest.Type, pid int, rest string) string {
	return string(porttest.Frame(typ, append(binary.BigEndian.AppendUint32(nil, uint32(pid)), rest...)))
}

func proxyFrame(pid int, frame string) string { return fromChild(porttest.TypeProxy, pid, frame) }

func ctlFrame(pid int, what string) string {
	return proxyFrame(pid, string(porttest.Frame(porttest.TypeCtl, porttest.Encode(porttest.Atom(what)))))
}

func pipeFrame(pid, n int) string {
	return proxyFrame(pid, string(porttest.Frame(porttest.TypePipe, porttest.Encode(n))))
}

// framesIn takes frames apart. What is no whole frame at the end is the last string.
func framesIn(b string) (frames []string) {
	for len(b) > 0 {
		size := len(b)
		if size >= lengthSize {
			size = min(size, lengthSize+get16([]byte(b)))
		}
		frames = append(frames, b[:size])
		b = b[size:]
	}
	return frames
}

// A fixture is a process in the test's own, with a file that it writes to. It does not
// wait for descriptors 0 and 3 until it is told to.
type fixture struct {
	*Process
	t    testing.TB
	stub *stubCalls
	file int   // that the process writes to
	read int64 // of it
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{Process: new(Memory).init(make([]Spare, 1)), t: t, stub: new(stubCalls)}
	f.calls = f.stub
	f.table.reset(f.spare[0].slots[:0]) // tests keep pointers to children while there come more
	f.poll.fds[placeInput].FD = -1
	f.poll.fds[placeSignal].FD = -1
	var err error
	if f.file, err = unix.MemfdCreate("descriptor 1", unix.MFD_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	f.out.fd = f.file
	f.exit = func(status int) { t.Fatalf("the process ends with status %d", status) }
	t.Cleanup(func() {
		for f.closeOldest() {
		}
		f.poll.dropMany()
		f.shut(f.file)
	})
	return f
}

// dup2 makes descriptor to the same as from, until the end of the test.
func (f *fixture) dup2(from, to int) {
	f.t.Helper()
	if err := sys.Dup3(from, to, 0); err != 0 {
		f.t.Fatalf("dup %d to %d: %v", from, to, err)
	}
	f.t.Cleanup(func() {
		null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			f.t.Fatal(err)
		}
		sys.Dup3(null, to, 0)
		f.shut(null)
	})
}

func (f *fixture) shut(fds ...int) {
	f.t.Helper()
	for _, fd := range fds {
		if err := sys.Close(fd); err != 0 {
			f.t.Errorf("close %d: %v", fd, err)
		}
	}
}

// written returns what was written to descriptor 1 since it was last called, and what
// was gathered for it.
func (f *fixture) written() string {
	f.t.Helper()
	f.Flush()
	var st unix.Stat_t
	if err := unix.Fstat(f.file, &st); err != nil {
		f.t.Fatal(err)
	}
	b := make([]byte, st.Size-f.read)
	if n, err := unix.Pread(f.file, b, f.read); err != nil || n != len(b) {
		f.t.Fatalf("read what was written: %d, %v", n, err)
	}
	f.read = st.Size
	return string(b)
}

// ready reports whether there is something for the next round.
func (f *fixture) ready() bool {
	f.t.Helper()
	f.sweep()
	fds := f.poll.fds
	if fds[placeMany].FD >= 0 {
		fds = fds[:placeChildren]
	}
	return pollNow(f.t, fds) > 0
}

// pollNow asks how many descriptors are ready, however often the Go runtime interrupts.
func pollNow(t testing.TB, fds []sys.PollFD) int {
	t.Helper()
	for {
		n, err := sys.Poll(fds, 0)
		if err == 0 {
			return n
		}
		if err != sys.EINTR {
			t.Fatalf("poll: %v", err)
		}
	}
}

// rounds runs the loop for as long as something is ready.
func (f *fixture) rounds() {
	f.t.Helper()
	for range 10_000 {
		if !f.ready() {
			return
		}
		f.round()
	}
	f.t.Fatal("something is always ready")
}

// A testChild is a child of a fixture and the child's ends of its descriptors, -1 when
// closed.
type testChild struct {
	*Child
	f                        *fixture
	pid                      int32
	control, stdin, out, err int
}

// childPid is the first pid for children that tests invent. There is no such process:
// a process that ends signals its children.
const childPid = 1 << 30

func mustBeNobody(pid int32) {
	if pid < childPid {
		panic("a child that does not exist has the pid of one that may")
	}
}

// adopt gives the process a child that runs this program.
func (f *fixture) adopt(pid int) *testChild {
	f.t.Helper()
	mustBeNobody(int32(pid))
	return f.adoptProcess(pid)
}

// adoptProcess does what adopt does, for a child that there is.
func (f *fixture) adoptProcess(pid int) *testChild {
	f.t.Helper()
	var s plumbing
	if !f.roomForChild() {
		f.t.Fatal("no memory for a child")
	}
	if err := s.open(false); err != 0 {
		f.t.Fatalf("descriptors of a child: %v", err)
	}
	f.Process.adopt(int32(pid), &s)
	c := &testChild{f.table.find(int32(pid)), f, int32(pid), int(s.control[0]), int(s.in[0]), int(s.out[1]), int(s.err[1])}
	for _, fd := range []int{c.control, c.stdin, c.out, c.err} {
		if err := unix.SetNonblock(fd, true); err != nil {
			f.t.Fatal(err)
		}
	}
	f.t.Cleanup(func() {
		c.close(&c.control, &c.stdin, &c.out, &c.err)
		if c.Child = f.table.find(c.pid); c.Child == nil {
			return
		}
		for _, fd := range []*int32{&c.Control, &c.Child.Stdin, &c.Stdout, &c.Stderr, &c.closing} {
			if *fd >= 0 {
				f.shut(int(*fd))
				*fd = -1
			}
		}
	})
	return c
}

// adoptProgram gives the process a child that has exec'ed.
func (f *fixture) adoptProgram(pid int) *testChild {
	f.t.Helper()
	c := f.adopt(pid)
	c.notice(noticeExec, 0)
	c.close(&c.control)
	f.rounds()
	if got := f.written(); got != ctlFrame(pid, "fdctl_closed") || c.state != runsProgram {
		f.t.Fatalf("child %d did not exec: %q", pid, got)
	}
	return c
}

// close closes the child's ends that are open.
func (c *testChild) close(fds ...*int) {
	c.f.t.Helper()
	for _, fd := range fds {
		if *fd >= 0 {
			c.f.shut(*fd)
			*fd = -1
		}
	}
}

// write writes as the child, which must not block.
func (c *testChild) write(fd int, data string) {
	c.f.t.Helper()
	if n, err := sys.Write(fd, []byte(data)); err != 0 || n != len(data) {
		c.f.t.Fatalf("write %d bytes to %d: %d, %v", len(data), fd, n, err)
	}
}

// noticeOf returns a notice of n bytes written since the last one.
func noticeOf(kind uint32, n int) []byte {
	b := binary.BigEndian.AppendUint32(nil, noticeMagic)
	b = binary.BigEndian.AppendUint32(b, kind)
	return binary.BigEndian.AppendUint64(b, uint64(n))
}

// notice sends a notice as the child.
func (c *testChild) notice(kind uint32, n int) {
	c.f.t.Helper()
	c.write(c.control, string(noticeOf(kind, n)))
}

// input returns all that is in the child's standard input.
func (c *testChild) input() string {
	c.f.t.Helper()
	return strings.Join(c.inputs(), "")
}

// inputs returns input read by read; in a pipe of packets that is write by write.
func (c *testChild) inputs() (all []string) {
	c.f.t.Helper()
	b := make([]byte, 1<<16)
	for {
		n, err := sys.Read(c.stdin, b)
		if err == sys.EAGAIN || err == 0 && n == 0 {
			return all
		}
		if err != 0 {
			c.f.t.Fatalf("read the child's standard input: %v", err)
		}
		all = append(all, string(b[:n]))
	}
}

// takeStdin returns the parent's end of the child's standard input, which is then not
// the process's any more.
func (c *testChild) takeStdin() int32 {
	fd := c.Child.Stdin
	c.Child.Stdin = -1
	return fd
}
