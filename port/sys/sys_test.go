// SPDX-License-Identifier: ISC

package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pipe returns a pipe that is closed when the test ends.
func pipe(t *testing.T, flags int) (r, w int) {
	t.Helper()
	var p [2]int32
	if err := Pipe2(&p, flags|O_CLOEXEC); err != 0 {
		t.Fatal(err)
	}
	t.Cleanup(func() { Close(int(p[0])); Close(int(p[1])) })
	return int(p[0]), int(p[1])
}

// poll is Poll, again for as long as a signal comes between: the Go runtime sends its threads
// SIGURG, for which even a poll that need not wait gives up.
func poll(fds []PollFD, timeoutMillis int) (int, Errno) {
	for {
		if n, err := Poll(fds, timeoutMillis); err != EINTR {
			return n, err
		}
	}
}

// cstring is s with a NUL, as the kernel wants a path.
func cstring(s string) *byte { return &append([]byte(s), 0)[0] }

func TestReadGivesWhatWasWritten(t *testing.T) {
	r, w := pipe(t, 0)
	if n, err := Write(w, []byte("abc")); n != 3 || err != 0 {
		t.Fatalf("Write = %d, %v", n, err)
	}
	d, e := []byte("d"), []byte("ef")
	if n, err := Writev(w, []Iovec{{&d[0], 1}, {}, {&e[0], 2}}); n != 3 || err != 0 {
		t.Fatalf("Writev = %d, %v", n, err)
	}
	b := make([]byte, 10)
	n, err := Read(r, b)
	if err != 0 {
		t.Fatal(err)
	}
	if diff := cmp.Diff("abcdef", string(b[:n])); diff != "" {
		t.Errorf("read (-want +got):\n%s", diff)
	}
}

func TestEmptySlicesAreNoError(t *testing.T) {
	_, w := pipe(t, 0)
	if n, err := Write(w, nil); n != 0 || err != 0 {
		t.Errorf("Write = %d, %v", n, err)
	}
	if n, err := poll(nil, 0); n != 0 || err != 0 {
		t.Errorf("Poll = %d, %v", n, err)
	}
}

func TestErrorsAreReturnedAndNotRetried(t *testing.T) {
	r, w := pipe(t, O_NONBLOCK)
	tests := []struct {
		name string
		call func() Errno
		want Errno
	}{
		{"Read of an empty pipe", func() Errno { _, err := Read(r, make([]byte, 1)); return err }, EAGAIN},
		{"Write to the wrong end", func() Errno { _, err := Write(r, []byte("a")); return err }, EBADF},
		{"Close twice", func() Errno { return Close(-1) }, EBADF},
		{"Dup3 of nothing", func() Errno { return Dup3(-1, w, 0) }, EBADF},
		{"Openat of no file", func() Errno {
			_, err := Openat(AT_FDCWD, cstring("/no/such/file"), O_RDONLY, 0)
			return err
		}, ENOENT},
		{"Wait4 without children of that number", func() Errno {
			var status int32
			_, err := Wait4(os.Getpid(), &status, WNOHANG, nil)
			return err
		}, Errno(syscall.ECHILD)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.call()); diff != "" {
				t.Errorf("error (-want +got):\n%s", diff)
			}
		})
	}
}

func TestDup3OfADescriptorToItselfDoesNothing(t *testing.T) {
	r, _ := pipe(t, 0)
	if err := Dup3(r, r, 0); err != 0 {
		t.Error(err)
	}
	flags, err := Fcntl(r, F_GETFD, 0)
	if flags != FD_CLOEXEC || err != 0 {
		t.Errorf("flags of the descriptor = %#x, %v; want FD_CLOEXEC", flags, err)
	}
}

func TestDupAboveKeepsOrDropsCloseOnExec(t *testing.T) {
	r, _ := pipe(t, 0)
	for _, closeOnExec := range []bool{false, true} {
		fd, err := DupAbove(r, 100, closeOnExec)
		if err != 0 {
			t.Fatal(err)
		}
		if fd < 100 {
			t.Errorf("descriptor %d, want at least 100", fd)
		}
		flags, err := Fcntl(fd, F_GETFD, 0)
		if err != 0 {
			t.Fatal(err)
		}
		if diff := cmp.Diff(closeOnExec, flags == FD_CLOEXEC); diff != "" {
			t.Errorf("close-on-exec (-want +got):\n%s", diff)
		}
		if err := SetCloseOnExec(fd, !closeOnExec); err != 0 {
			t.Fatal(err)
		}
		flags, _ = Fcntl(fd, F_GETFD, 0)
		if diff := cmp.Diff(!closeOnExec, flags == FD_CLOEXEC); diff != "" {
			t.Errorf("close-on-exec after SetCloseOnExec (-want +got):\n%s", diff)
		}
		Close(fd)
	}
}

func TestCloseRangeClosesBothEnds(t *testing.T) {
	r, _ := pipe(t, 0)
	for fd := 500; fd <= 503; fd++ {
		if err := Dup3(r, fd, O_CLOEXEC); err != 0 {
			t.Fatal(err)
		}
	}
	if err := CloseRange(501, 502); err != 0 {
		t.Fatal(err)
	}
	got := []Errno{Close(500), Close(501), Close(502), Close(503)}
	if diff := cmp.Diff([]Errno{0, EBADF, EBADF, 0}, got); diff != "" {
		t.Errorf("errors of Close (-want +got):\n%s", diff)
	}
}

func TestPollTellsWhichDescriptorsAreReady(t *testing.T) {
	r, w := pipe(t, 0)
	Write(w, []byte("a"))
	fds := []PollFD{{FD: int32(r), Events: POLLIN}, {FD: -1, Events: POLLIN}, {FD: int32(w), Events: POLLIN}}
	n, err := poll(fds, -1)
	if n != 1 || err != 0 {
		t.Errorf("Poll = %d, %v; want 1", n, err)
	}
	want := []PollFD{{FD: int32(r), Events: POLLIN, Revents: POLLIN}, {FD: -1, Events: POLLIN}, {FD: int32(w), Events: POLLIN}}
	if diff := cmp.Diff(want, fds); diff != "" {
		t.Errorf("descriptors (-want +got):\n%s", diff)
	}
}

func TestPollReturnsWhenTheTimeIsUp(t *testing.T) {
	r, _ := pipe(t, 0)
	n, err := poll([]PollFD{{FD: int32(r), Events: POLLIN}}, 1)
	if n != 0 || err != 0 {
		t.Errorf("Poll = %d, %v; want 0", n, err)
	}
}

func TestOnlyUnixSocketsAreUnixSockets(t *testing.T) {
	var p [2]int32
	if err := Socketpair(&p, SOCK_STREAM|SOCK_CLOEXEC); err != 0 {
		t.Fatal(err)
	}
	defer Close(int(p[0]))
	defer Close(int(p[1]))
	inet, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer Close(inet)
	r, _ := pipe(t, 0)
	got := []bool{IsUnixSocket(int(p[0])), IsUnixSocket(inet), IsUnixSocket(r), IsUnixSocket(-1)}
	if diff := cmp.Diff([]bool{true, false, false, false}, got); diff != "" {
		t.Errorf("of a socket pair, an internet socket, a pipe and nothing (-want +got):\n%s", diff)
	}
}

func TestMkfifoatMakesANamedPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := Mkfifoat(AT_FDCWD, cstring(path), 0o600); err != 0 {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(os.ModeNamedPipe|0o600, info.Mode()); diff != "" {
		t.Errorf("mode (-want +got):\n%s", diff)
	}
}

// allocating is what is not to allocate.
type allocating struct {
	name string
	call func()
}

func TestNothingAllocates(t *testing.T) {
	r, w := pipe(t, O_NONBLOCK)
	b := make([]byte, 64)
	tests := []allocating{
		{"Write, Writev and Read", func() {
			Write(w, b[:8])
			Writev(w, []Iovec{{&b[0], 8}})
			Read(r, b)
		}},
		{"Pipe2 and Close", func() {
			var p [2]int32
			Pipe2(&p, 0)
			Close(int(p[0]))
			Close(int(p[1]))
		}},
		{"Socketpair and IsUnixSocket", func() {
			var p [2]int32
			Socketpair(&p, SOCK_STREAM)
			IsUnixSocket(int(p[0]))
			Close(int(p[0]))
			Close(int(p[1]))
		}},
		{"Poll", func() { Poll([]PollFD{{FD: int32(r), Events: POLLIN}}, 0) }},
		{"Wait4", func() { var status int32; Wait4(os.Getpid(), &status, WNOHANG, nil) }},
		{"Sigprocmask", func() { var old Sigset; Sigprocmask(SIG_BLOCK, nil, &old) }},
		{"SetSigaction", func() { var old Sigaction; SetSigaction(SIGTERM, nil, &old) }},
		{"Getrlimit", func() { var limit Rlimit; Getrlimit(RLIMIT_NOFILE, &limit) }},
		{"Getpid", func() { Getpid() }},
	}
	for _, tt := range append(tests, ownCalls(r)...) {
		t.Run(tt.name, func(t *testing.T) {
			if n := testing.AllocsPerRun(100, tt.call); n != 0 {
				t.Errorf("%v allocations, want none", n)
			}
		})
	}
}
