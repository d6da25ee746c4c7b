// SPDX-License-Identifier: ISC

package sys

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEpollTellsWhichDescriptorIsReady(t *testing.T) {
	r, w := pipe(t, 0)
	epfd, err := EpollCreate1(EPOLL_CLOEXEC)
	if err != 0 {
		t.Fatal(err)
	}
	defer Close(epfd)
	event := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: 77}
	if err := EpollCtl(epfd, EPOLL_CTL_ADD, r, &event); err != 0 {
		t.Fatal(err)
	}
	Write(w, []byte("a"))
	events := make([]syscall.EpollEvent, 2)
	n, err := EpollWait(epfd, events, -1)
	for err == EINTR { // see poll
		n, err = EpollWait(epfd, events, -1)
	}
	if err != 0 {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]syscall.EpollEvent{{Events: syscall.EPOLLIN, Fd: 77}}, events[:n]); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestDirectoryEntriesAreListed(t *testing.T) {
	dir := t.TempDir()
	want := map[string]bool{".": true, "..": true}
	for _, name := range []string{"a", "a name that is somewhat longer", "ü"} {
		want[name] = true
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fd, err := Openat(AT_FDCWD, cstring(dir), O_RDONLY|O_DIRECTORY|O_CLOEXEC, 0)
	if err != 0 {
		t.Fatal(err)
	}
	defer Close(fd)
	got := map[string]bool{}
	b := make([]byte, 80) // not room for all
	for {
		n, err := Getdents(fd, b)
		if err != 0 {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		for rest := b[:n]; len(rest) > 0; {
			name, others, ok := NextDirent(rest)
			if !ok {
				t.Fatalf("no entry: %q", rest)
			}
			got[string(name)], rest = true, others
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestLimitsAreThoseOfPackageSyscall(t *testing.T) {
	var got Rlimit
	if err := Getrlimit(RLIMIT_NOFILE, &got); err != 0 {
		t.Fatal(err)
	}
	var want syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Rlimit(want), got); diff != "" {
		t.Errorf("limit (-want +got):\n%s", diff)
	}
	if err := Setrlimit(RLIMIT_NOFILE, &got); err != 0 {
		t.Error(err)
	}
}

// ownCalls returns the functions that only this system has.
func ownCalls(r int) []allocating {
	dir := cstring("/")
	return []allocating{
		{"Openat and Getdents", func() {
			fd, _ := Openat(AT_FDCWD, dir, O_RDONLY|O_DIRECTORY, 0)
			var entries [512]byte
			Getdents(fd, entries[:])
			NextDirent(entries[:])
			Close(fd)
		}},
		{"EpollCreate1, EpollCtl and EpollWait", func() {
			fd, _ := EpollCreate1(EPOLL_CLOEXEC)
			EpollCtl(fd, EPOLL_CTL_ADD, r, &syscall.EpollEvent{})
			var events [1]syscall.EpollEvent
			EpollWait(fd, events[:], 0)
			Close(fd)
		}},
	}
}
