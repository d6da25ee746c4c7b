//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestWhatIsLeftOfPiecesIsWhatWasNotWritten(t *testing.T) {
	all := []string{"", "a", "bcd", "", "", "efgh", "i", ""}
	whole := strings.Join(all, "")
	for first := range all {
		size := len(strings.Join(all[first:], ""))
		for n := range size + 1 {
			var v pieces
			for i, s := range all {
				v[i] = iovec([]byte(s))
			}
			next := v.advance(first, len(all), n)
			var left string
			for i := next; i < len(all); i++ {
				left += string(bytesOf(&v[i]))
			}
			if want := whole[len(whole)-size+n:]; left != want {
				t.Errorf("from piece %d, %d bytes written: %q is left, want %q", first, n, left, want)
			}
			if next < len(all) && v[next].Len == 0 {
				t.Errorf("from piece %d, %d bytes written: piece %d is next and empty", first, n, next)
			}
		}
	}
}

// A buffer holds what was appended to it and not taken, in order, as long as that fits.
func FuzzBuffer(f *testing.F) {
	f.Fuzz(func(t *testing.T, steps string) {
		b := buffer{b: make([]byte, 64)}
		model := ""
		for i, step := range []byte(steps) {
			n := int(step >> 2)
			switch step & 3 {
			case 0, 1:
				n = min(n, len(b.b)-len(model))
				data := porttest.Bytes(n + i)[i:]
				b.append([]byte(data))
				model += data
			case 2:
				n = min(n, len(model))
				b.r += n
				model = model[n:]
			case 3:
				b.pack()
				if b.r != 0 {
					t.Errorf("packed, and its contents begin at %d", b.r)
				}
			}
			if diff := cmp.Diff(model, string(b.bytes())); diff != "" || b.len() != len(model) {
				t.Fatalf("after step %d of %q, length %d (-want +got):\n%s", i, steps, b.len(), diff)
			}
		}
	})
}

func TestBuffersThatAreGivenBackAreTakenAgain(t *testing.T) {
	f := newFixture(t)
	a := f.take()
	b := f.take()
	if a == b || len(a.b) != bufferSize || len(b.b) != bufferSize {
		t.Fatalf("buffers of %d and %d bytes", len(a.b), len(b.b))
	}
	a.append([]byte("a"))
	first, second := a, b
	f.drop(&a)
	f.drop(&a) // there is none any more
	f.drop(&b)
	if got := f.take(); got != second || got.len() != 0 {
		t.Errorf("the first buffer taken again holds %d bytes", got.len())
	}
	if got := f.take(); got != first || got.len() != 0 {
		t.Errorf("the second buffer taken again holds %d bytes", got.len())
	}
}

// fill gives the process two children and returns what makes it write frames of all
// kinds, more than it has memory for, and returns these frames.
func (f *fixture) fill() (write func() string) {
	f.t.Helper()
	const rounds = 8
	large := eventFrame(porttest.Bytes(copyBelow))
	output := porttest.Bytes(40_000)
	const programPid, portPid = childPid + 1, childPid + 2
	c, port := f.adoptProgram(programPid), f.adopt(portPid)
	return func() string {
		var want strings.Builder
		for i := range rounds {
			f.ctl(uint32(i), "badpid")
			f.pipeFull(int32(i), i)
			port.write(port.out, large+eventFrame("x"))
			f.readStdout(port.Child)
			c.write(c.out, output)
			f.readStdout(c.Child)
			f.receive(callFrame(i, "x"))
			for _, frame := range []string{
				ctlFrame(i, "badpid"), pipeFrame(i, i),
				proxyFrame(portPid, large), proxyFrame(portPid, eventFrame("x")),
				fromChild(typeStdout, programPid, output), replyFrame(i, len("x")+slack),
			} {
				want.WriteString(frame)
			}
		}
		return want.String()
	}
}

func TestFramesAreWrittenInTheOrderInWhichTheyWereMade(t *testing.T) {
	f := newFixture(t)
	fill := f.fill()
	before := f.out.wrote
	want := fill()
	if size := len(f.out.arena); len(want) < size {
		t.Errorf("%d bytes fit in the memory of %d", len(want), size)
	}
	f.wantWritten(want)
	if got := f.out.wrote - before; got != uint64(len(want)) {
		t.Errorf("%d bytes are counted, want %d", got, len(want))
	}
}

// The reply to a fork is written at once, and may be so only in part.
func TestTheRestOfAFrameFollowsWhatWasWritten(t *testing.T) {
	const frame = "a frame"
	for n := range len(frame) + 1 {
		f := newFixture(t)
		before := f.out.wrote
		f.out.sent([]byte(frame), n)
		if rest := n < len(frame); f.out.empty() == rest {
			t.Errorf("%d bytes sent: empty is %v", n, !rest)
		}
		f.wantWritten(frame[n:])
		if got := f.out.wrote - before; got != uint64(len(frame)) {
			t.Errorf("%d bytes sent: %d are counted", n, got)
		}
	}
}

// Descriptor 1 may be a pipe that takes little at once, and somebody may have made it
// non-blocking.
func TestAReaderThatTakesLittleAtOnceGetsAll(t *testing.T) {
	for _, flags := range []int{0, unix.O_NONBLOCK} {
		f := newFixture(t)
		fill := f.fill()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for cmd, arg := range map[int]int{unix.F_SETPIPE_SZ: pipeSize, unix.F_SETFL: flags} {
			if _, err := unix.FcntlInt(w.Fd(), cmd, arg); err != nil {
				t.Fatal(err)
			}
		}
		// Not a goroutine: the process blocks in system calls that the scheduler
		// knows nothing of.
		got := outFile(t)
		reader := exec.Command("cat")
		reader.Stdin, reader.Stdout = r, got
		if err := reader.Start(); err != nil {
			t.Fatal(err)
		}
		f.locked = true // does not give itself a larger pipe
		f.out.fd = int(w.Fd())
		want := fill()
		f.Flush()
		f.out.fd = f.file
		w.Close()
		if err := reader.Wait(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, contents(t, got)); diff != "" {
			t.Errorf("written with flags %#x (-want +got):\n%.3000s", flags, diff)
		}
	}
}

// A descriptor that cannot be written to is one whose reader is gone, without SIGPIPE.
func TestAfterAWriteThatFailedNothingIsWritten(t *testing.T) {
	f := newFixture(t)
	f.ctl(7, "lost")
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.shut(null)
	f.out.fd = null
	if err := f.out.flush(); err != sys.EBADF {
		t.Fatalf("flush: %v, want EBADF", err)
	}
	f.out.fd = f.file
	for range 3 {
		for range outboundSize / maxFrame {
			f.out.commit(len(f.out.reserve(maxFrame)))
		}
		if err := f.out.flush(); err != sys.EBADF {
			t.Errorf("a later flush: %v, want EBADF", err)
		}
	}
	f.out.err = 0
	f.ctl(7, "said")
	if got, want := f.written(), ctlFrame(7, "said"); got != want {
		t.Errorf("written: %d bytes, want %q", len(got), want)
	}
}

func TestProcessWhoseOutputFailsAnswersNoMoreCallsAndEnds(t *testing.T) {
	f := newFixture(t)
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.shut(null)
	f.out.fd = null
	ended := -1
	f.exit = func(status int) {
		ended = status
		runtime.Goexit()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for f.out.err == 0 {
			f.out.commit(len(f.out.reserve(maxFrame)))
		}
		f.in.append([]byte(callFrame(callOnly, "x")))
		f.handleInbound()
	}()
	<-done
	if ended != int(sys.EBADF) || len(f.stub.asked) > 0 {
		t.Errorf("ended with %d after %d calls, want %d after none", ended, len(f.stub.asked), sys.EBADF)
	}
}
