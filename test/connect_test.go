// SPDX-License-Identifier: ISC

package test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// What -c makes of a path.
type controlKind struct {
	Socket bool // descriptor 5 is a connection with the listener
	Fifo   bool // there is a fifo at the path
}

func TestControlIsASocketWhereSomebodyListens(t *testing.T) {
	pt.Linux(t, "/proc")
	unused := fmt.Sprintf("fdctl.%d.%d", os.Getpid(), time.Now().UnixNano())
	for _, c := range []struct {
		name, listen, path string // %s in listen stands for the folder
		want               controlKind
	}{
		{"a socket file", "%s/socket", "socket", controlKind{Socket: true}},
		{"an abstract name", "@" + unused + ".a", "@" + unused + ".a", controlKind{Socket: true}},
		{"a socket file with @", "%s/@socket", "@socket", controlKind{Socket: true}},
		{"nobody", "%s/another", "fifo", controlKind{Fifo: true}},
		{"nobody at an abstract name", "@" + unused + ".b", "@" + unused + ".c", controlKind{Fifo: true}},
		{"an abstract name that is not meant", "@" + unused + ".d", unused + ".d", controlKind{Fifo: true}},
		{"a name that is only @", "%s/another", "@", controlKind{Fifo: true}},
		{"a name that is too long", "%s/another", "@" + strings.Repeat("x", 108), controlKind{Fifo: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := net.Listen("unix", strings.ReplaceAll(c.listen, "%s", dir))
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			path := filepath.Join(dir, c.path)
			p := pt.Launch(t, pt.NoFifo(), pt.Args("-c", path))
			p.Next(pt.Reply(nil, ok))
			target, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/5", p.Pid))
			if err != nil {
				t.Fatal(err)
			}
			st, err := os.Lstat(path)
			got := controlKind{strings.HasPrefix(target, "socket:"), err == nil && st.Mode()&os.ModeNamedPipe != 0}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("control (-want +got):\n%s", diff)
			}
			if got.Socket {
				conn, err := l.Accept()
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			if fdFlags(t, p.Pid, 5)&unix.O_CLOEXEC == 0 {
				t.Error("descriptor 5 is kept by programs")
			}
			p.Fork(nil)
		})
	}
}

// A socket file that nobody listens at is a file: nothing is made in its place.
func TestStartFailsWhereASocketFileIsLeft(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false)
	l.Close()
	if got := pt.Run(t, "-c", path); got.Status != int(unix.EEXIST) {
		t.Errorf("exit status %d, want EEXIST", got.Status)
	}
}

// A driver that is gone before it has sent anything leaves no fifo behind: it was to connect.
func TestNoFifoIsMadeForADriverThatHasEnded(t *testing.T) {
	for _, c := range []struct {
		name, input string
		want        bool
	}{
		{"@fdctl.none", "", false},
		{"@fdctl.data", "\x00", true},
		{"fdctl.none", "", true}, // as for clients of the C port
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), c.name)
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(w, c.input)
			w.Close()
			p := pt.Launch(t, pt.NoFifo(), pt.Open(0, r), pt.Args("-c", path))
			p.Exit()
			if _, err := os.Lstat(path); (err == nil) != c.want {
				t.Errorf("a fifo is there: %v, want %v", err == nil, c.want)
			}
		})
	}
}

// The driver knows which bytes are frames of the port, and which output of the program that it
// has become.
func TestPortTellsTheDriverHowManyBytesItHasWrittenBeforeAnExec(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := pt.Launch(t, pt.NoFifo(), pt.Args("-c", path))
	p.Next(pt.Reply(nil, ok))
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Want(errno("enoent"), nil, "execvp", pt.Binary("/no/such/program"), pt.List{pt.Binary("x")})
	p.SendExec(nil, "/bin/cat")
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	notices, err := io.ReadAll(conn) // up to the exec
	if err != nil {
		t.Fatal(err)
	}
	sum, kinds := uint64(0), []uint32{}
	for ; len(notices) >= 16; notices = notices[16:] {
		kinds = append(kinds, binary.BigEndian.Uint32(notices[4:]))
		sum += binary.BigEndian.Uint64(notices[8:])
	}
	const exec, failed = 1, 3
	if diff := cmp.Diff([]uint32{exec, failed, exec}, kinds); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if got := uint64(len(p.Raw())); sum != got {
		t.Errorf("%d bytes announced, %d written", sum, got)
	}
}
