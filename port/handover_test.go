//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"encoding/binary"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A notice is what a process tells its parent.
type notice struct {
	Kind  uint32
	Count uint64 // of bytes written to descriptor 1
}

// withParent makes the process one that was forked, and returns what reads its
// notices.
func (f *fixture) withParent(t *testing.T) (notices func() []notice) {
	t.Helper()
	fd, other := socketPair(t)
	f.control = fd
	f.notifies = true
	return func() (all []notice) {
		b := make([]byte, 100*noticeSize)
		n, err := unix.Read(other, b)
		if err != nil && err != unix.EAGAIN {
			t.Fatal(err)
		}
		for b = b[:max(n, 0)]; len(b) >= noticeSize; b = b[noticeSize:] {
			if got := binary.BigEndian.Uint32(b); got != noticeMagic {
				t.Fatalf("a notice begins with %#x", got)
			}
			all = append(all, notice{binary.BigEndian.Uint32(b[4:]), binary.BigEndian.Uint64(b[8:])})
		}
		return all
	}
}

func TestNoticesCountWhatWasWrittenSinceTheLast(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	f := newFixture(t)
	notices := f.withParent(t)
	failingExec := func() { f.Exec(func() sys.Errno { return sys.ENOENT }) }
	var execs func() // what an exec call does
	f.stub.act = func(nr int) {
		if nr == callExec && execs != nil {
			execs()
		}
	}
	reply := uint64(len(replyFrame(callOnly, len("x")+slack)))
	execReply := uint64(len(replyFrame(callExec, len("x")+slack)))
	okReply := uint64(headerSize + len("\x83w\x02ok"))
	check(sys.SetCloseOnExec(f.control, true))
	for _, step := range []struct {
		name string
		do   func()
		want []notice
	}{
		{"an exec that fails", failingExec, []notice{{noticeExec, 0}, {noticeFailed, 0}}},
		{"a call", func() { f.receive(callFrame(callOnly, "x")) }, nil},
		{"an exec with a reply gathered", failingExec, []notice{{noticeExec, reply}, {noticeFailed, 0}}},
		{"a call whose reply goes out", func() { f.receive(callFrame(callOnly, "x")); f.Flush() }, nil},
		{"an exec with a reply sent", failingExec, []notice{{noticeExec, reply}, {noticeFailed, 0}}},
		{"an exec that keeps descriptor 5", func() {
			f.NoteCloseOnExec(f.control, false)
			failingExec()
			f.NoteCloseOnExec(f.control, true)
		}, []notice{{noticeKept, 0}, {noticeFailed, 0}}},
		{"a write of a call", func() { f.Write(f.out.fd, []byte("abc")) }, nil},
		{"an exec after it", failingExec, []notice{{noticeExec, 3}, {noticeFailed, 0}}},
		{"an exec call that is refused", func() { f.receive(callFrame(callExec, "x")) }, []notice{{noticeFailed, 0}}},
		{"a read of a call", func() { f.receive("x"); f.Read(f.in.fd, make([]byte, 1)) }, []notice{{noticeInput, execReply}}},
		{"an exec call that fails", func() { execs = failingExec; f.receive(callFrame(callExec, "x")) }, []notice{{noticeExec, 0}, {noticeFailed, 0}}},
		{"a close of descriptor 5, whose reply is the last frame", func() { f.Close(f.control) }, []notice{{noticeExec, execReply + okReply}}},
		{"an exec without a parent", failingExec, nil},
	} {
		step.do()
		if diff := cmp.Diff(step.want, notices()); diff != "" {
			t.Errorf("%s: notices (-want +got):\n%s", step.name, diff)
		}
	}
}
