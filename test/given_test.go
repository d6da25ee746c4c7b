// SPDX-License-Identifier: ISC

package test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// give sets what the programs that the process executes get as one of their descriptors.
func give(p *pt.Port, to pt.Pipeline, stream pt.Atom, fd int) { p.Want(true, to, "setopt", stream, fd) }

// open opens a file in the process.
func open(p *pt.Port, to pt.Pipeline, path string, flags ...pt.Term) int {
	return p.Int(to, "open", pt.Binary(path), append(pt.List{pt.Atom("o_cloexec")}, flags...), 0o666)
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestProgramGetsDescriptorsInPlaceOfItsPipes(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, []byte("from a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name           string
		in, out        bool
		err            int // -1: the pipe; 1: where standard output goes
		stdout, stderr string
		file           string
	}{
		{"input", true, false, -1, "from a file", "err", ""},
		{"input and output", true, true, -1, "", "err", "from a file"},
		{"errors go where output goes", true, false, 1, "from a fileerr", "", ""},
		{"all", true, true, 1, "", "", "from a fileerr"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := p.With(t)
			os.Remove(out)
			a := p.Fork(nil)
			if test.in {
				give(p, a, "stdin", open(p, a, in, pt.Atom("o_rdonly")))
			}
			if test.out {
				give(p, a, "stdout", open(p, a, out, pt.Atom("o_wronly"), pt.Atom("o_creat")))
			}
			give(p, a, "stderr", test.err)
			p.Sh(a, "cat; printf err >&2; ls /proc/self/fd | wc -l >&2")
			const four = "4\n" // 0, 1, 2, and that of ls itself
			got := map[pt.Type]string{}
			for {
				m := p.Receive("output and end", func(m pt.Message) bool {
					return m.Is(pt.TypeStdout, a) || m.Is(pt.TypeStderr, a) || m.Is(pt.TypeEvent, a)
				})
				if m.Is(pt.TypeEvent, a) {
					break
				}
				got[m.Type] += m.Data
			}
			file := ""
			if test.out {
				file = contents(t, out)
			}
			for _, s := range []struct{ name, got, want string }{
				{"standard output", got[pt.TypeStdout], test.stdout},
				{"standard error", got[pt.TypeStderr], test.stderr},
				{"file", file, test.file},
			} {
				if got := strings.TrimSuffix(s.got, four); got != s.want {
					t.Errorf("%s: %q, want %q", s.name, got, s.want)
				}
			}
			if all := got[pt.TypeStdout] + got[pt.TypeStderr] + file; !strings.HasSuffix(all, four) && !strings.Contains(all, four) {
				t.Errorf("%q: the program has other descriptors", all)
			}
		})
	}
}

// The parent sees the end of a stream that its child has given up, not of the child.
func TestEndOfAReplacedStreamIsNotTheEndOfTheProgram(t *testing.T) {
	p := pt.Start(t)
	for _, o := range []pt.Atom{"stdout_closed", "stderr_closed"} {
		p.Want(true, nil, "setopt", o, 1)
	}
	a := p.Fork(nil)
	null := open(p, a, "/dev/null", pt.Atom("o_rdwr"))
	give(p, a, "stdout", null)
	give(p, a, "stderr", null)
	p.Sh(a, "read x; exit $x")
	p.Await(pt.Ctl(a, "stdout_closed"))
	p.Await(pt.Ctl(a, "stderr_closed"))
	p.Want(-1, nil, "getopt", pt.Atom("stdin"))
	if got := slotOf(t, p, a); got.Stdout != -1 || got.Stderr != -1 || got.Stdin == -1 {
		t.Errorf("%+v", got)
	}
	p.Stdin(a, "7\n")
	p.Await(pt.ExitStatus(a, 7))
}

func TestProgramsOfOneProcessAreConnectedByWhatTheyGet(t *testing.T) {
	p := pt.Start(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", pt.Binary(fifo), 0o600)
	hold := open(p, nil, fifo, pt.Atom("o_rdwr")) // so that neither side waits for the other
	from, to := p.Fork(nil), p.Fork(nil)
	give(p, from, "stdout", open(p, from, fifo, pt.Atom("o_wronly")))
	give(p, to, "stdin", open(p, to, fifo, pt.Atom("o_rdonly")))
	p.Sh(to, "tr a-z A-Z")
	p.Sh(from, "echo hello")
	p.Await(pt.ExitStatus(from, 0))
	p.Want(ok, nil, "close", hold)
	p.Await(pt.Stdout(to, "HELLO\n"))
	p.Await(pt.ExitStatus(to, 0))
}

func TestWhatAProgramWouldGetIsTakenBackWhenTheExecFails(t *testing.T) {
	p := pt.Start(t)
	dir := t.TempDir()
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid") // it is ready
	before := openFiles(t, a.Pid())
	file := open(p, a, filepath.Join(dir, "file"), pt.Atom("o_rdwr"), pt.Atom("o_creat"))
	for _, o := range []pt.Atom{"stdin", "stdout", "stderr"} {
		give(p, a, o, file)
	}
	p.Want(true, a, "setopt", pt.Atom("umask"), 0o777)
	for range 3 {
		p.Want(errno("enoent"), a, "execvp", pt.Binary("no-such-program"), argv("x"))
		p.Want(errno("eacces"), a, "execve", pt.Binary(dir), argv("x"), pt.List{})
	}
	p.Want(ok, a, "close", file)
	// Nothing is given when one of them cannot be.
	p.Want(errno("ebadf"), a, "execvp", pt.Binary("true"), argv("true"))
	give(p, a, "stdin", -1)
	give(p, a, "stdout", -1)
	p.Want(errno("ebadf"), a, "execvp", pt.Binary("true"), argv("true"))
	give(p, a, "stderr", 1<<31-1)
	p.Want(errno("ebadf"), a, "execvp", pt.Binary("true"), argv("true"))
	if after := openFiles(t, a.Pid()); before != after {
		t.Errorf("descriptors before:\n%s\nafter:\n%s", before, after)
	}
	p.Want(ok, a, "mkdir", pt.Binary(filepath.Join(dir, "folder")), 0o700)
	info, err := os.Stat(filepath.Join(dir, "folder"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v", info.Mode())
	}
	give(p, a, "stderr", -1)
	p.Sh(a, "echo hello")
	p.Await(pt.Stdout(a, "hello\n"))
	p.Await(pt.ExitStatus(a, 0))
}

// openFiles lists what the descriptors of a process are.
func openFiles(t *testing.T, pid int) string {
	pt.Linux(t, "/proc")
	t.Helper()
	var b strings.Builder
	dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		to, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.Name() + " " + to + "\n")
	}
	return b.String()
}

func TestDescriptorThatIsClosedIsGivenAndTakenBack(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(ok, a, "close", 2)
	null := open(p, a, "/dev/null", pt.Atom("o_rdwr")) // which is 2
	other := open(p, a, "/dev/null", pt.Atom("o_rdwr"))
	p.Want(ok, a, "close", null)
	give(p, a, "stderr", other)
	p.Want(errno("enoent"), a, "execvp", pt.Binary("no-such-program"), argv("x"))
	p.Want(errno("ebadf"), a, "close", 2)
	p.Sh(a, "readlink /proc/self/fd/2")
	p.Await(pt.Stdout(a, "/dev/null\n"))
}

func TestProgramGetsTheUmaskAndTheProcessKeepsIts(t *testing.T) {
	p := pt.Start(t, pt.Shell("umask 022"))
	for mask, shown := range map[int]string{-1: "0022\n", 0: "0000\n", 0o077: "0077\n", 0o777: "0777\n"} {
		a := p.Fork(nil)
		p.Want(true, a, "setopt", pt.Atom("umask"), mask)
		p.Want(mask, a, "getopt", pt.Atom("umask"))
		p.Sh(a, "umask")
		p.Await(pt.Stdout(a, shown))
	}
	p.Want(false, nil, "setopt", pt.Atom("umask"), 0o1000)
	p.Want(-1, nil, "getopt", pt.Atom("umask"))
}

// The port has no parent that is told of the moment of an exec; what it has read ahead goes to the
// program only if that has the pipe.
func TestPortGivesDescriptorsToAProgramToo(t *testing.T) {
	p := pt.Start(t, pt.AnyEnd())
	out := filepath.Join(t.TempDir(), "out")
	fd := open(p, nil, out, pt.Atom("o_wronly"), pt.Atom("o_creat"))
	give(p, nil, "stdout", fd)
	p.Want(errno("enoent"), nil, "execvp", pt.Binary("no-such-program"), argv("x"))
	p.SendExec(nil, "cat")
	p.Write([]byte("for the program"))
	p.FifoClosed()
	p.CloseInput()
	p.Exit()
	if got := contents(t, out); got != "for the program" {
		t.Errorf("%q", got)
	}
}
