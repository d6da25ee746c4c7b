//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"slices"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// Where tests put descriptors that nobody else has.
const firstUnused = 504

// openAt opens descriptors, which end with the test.
func openAt(t *testing.T, fds ...int) {
	t.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	for _, fd := range fds {
		if err := unix.Dup3(null, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
	}
}

// openDescriptors returns the lowest descriptors that are open.
func openDescriptors() []int {
	fds := []int{}
	for fd := range firstUnused + 200 {
		if isOpen(fd) {
			fds = append(fds, fd)
		}
	}
	return fds
}

// A forked child closes all descriptors of its parent's other children, and of what these
// have left.
func TestDescriptorsOfOtherChildrenAreClosedAndNoOthers(t *testing.T) {
	for _, locked := range []bool{false, true} {
		f := newFixture(t)
		f.locked = locked
		openAt(t, firstUnused, firstUnused+1, firstUnused+10, firstUnused+11)
		children := []*Child{f.adopt(childPid).Child, f.adopt(childPid + 1).Child, f.addClosed(childPid + 2), f.addClosed(childPid + 3)}
		children[2].Stderr = firstUnused
		children[3].closing = firstUnused + 10
		f.addLeftover(&outlet{Pid: childPid + 4, Stdout: -1, Stderr: firstUnused + 11})
		theirs := []int{firstUnused + 11}
		for _, c := range children {
			for _, fd := range []*int32{&c.Control, &c.Stdin, &c.Stdout, &c.Stderr, &c.closing} {
				if *fd >= 0 {
					theirs = append(theirs, int(*fd))
				}
			}
		}
		want := slices.DeleteFunc(openDescriptors(), func(fd int) bool { return slices.Contains(theirs, fd) })
		f.closeSiblings()
		if diff := cmp.Diff(want, openDescriptors()); diff != "" {
			t.Errorf("open, locked %t (-want +got):\n%s", locked, diff)
		}
		for _, c := range children {
			c.Control, c.Stdin, c.Stdout, c.Stderr, c.closing = -1, -1, -1, -1, -1
		}
	}
}

func TestReadsOfDescriptor0GetWhatWasReadAheadFirst(t *testing.T) {
	for _, test := range []struct {
		name   string
		sizes  []int // of the reads that the call makes
		stream string
		want   []string
		rest   string
	}{
		{"part of it", []int{3}, "abcdefg", []string{"abc"}, "defg"},
		{"all of it", []int{100}, "abcdefg", []string{"abcdefg"}, ""},
		{"in pieces", []int{3, 3, 3}, "abcdefg", []string{"abc", "def", "g"}, ""},
		{"what comes later", []int{100, 100}, "abc|defg", []string{"abc", "defg"}, ""},
		{"nothing was read ahead", []int{100}, "|abc", []string{"abc"}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			ahead, later, _ := strings.Cut(test.stream, "|")
			var pair [2]int32
			if err := sys.Pipe2(&pair, sys.O_CLOEXEC|sys.O_NONBLOCK); err != 0 {
				t.Fatal(err)
			}
			defer f.shut(int(pair[0]), int(pair[1]))
			f.in.fd = int(pair[0])
			var got []string
			f.stub.act = func(int) {
				sys.Write(int(pair[1]), []byte(later))
				b := make([]byte, 100)
				for _, size := range test.sizes {
					n, err := f.Read(f.in.fd, b[:size])
					if err != 0 {
						t.Error(err)
					}
					got = append(got, string(b[:n]))
				}
			}
			sys.Write(int(pair[1]), []byte(callFrame(callQuiet, "x")+ahead))
			f.readInbound()
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("read (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.rest, string(f.in.bytes())); diff != "" {
				t.Errorf("left (-want +got):\n%s", diff)
			}
		})
	}
}

// Frames that a call writes to a child are not followed: one may be an exec, which is
// then found by its notice.
func TestWhatACallWritesToAChildMayBeAnExec(t *testing.T) {
	f := newFixture(t)
	c := f.adopt(childPid)
	if n, err := f.Write(int(c.Child.Stdin), []byte("data")); n != 4 || err != 0 {
		t.Errorf("write: %d, %v", n, err)
	}
	wantInput(t, "data", c.input())
	if !c.mayExec() {
		t.Errorf("the child is not taken for one that may exec: %+v", c.Child)
	}
}

func TestDescriptorsThatACallClosesAreForgotten(t *testing.T) {
	inBothWays(t, func(t *testing.T, f *fixture) {
		c := f.adopt(childPid)
		for _, fd := range []*int32{&c.Control, &c.Child.Stdin, &c.Stdout, &c.Stderr} {
			n := int(*fd)
			if err := f.Close(n); err != 0 || *fd >= 0 || isOpen(n) {
				t.Errorf("close %d: %v, then %d", n, err, *fd)
			}
			if err := f.Close(n); err != unix.EBADF {
				t.Errorf("close %d once more: %v, want EBADF", n, err)
			}
		}
		openAt(t, firstUnused)
		if err := f.Close(firstUnused); err != 0 || isOpen(firstUnused) {
			t.Errorf("close another descriptor: %v", err)
		}
		f.rounds()
		f.wantWritten() // nothing ended of itself
	})
}
