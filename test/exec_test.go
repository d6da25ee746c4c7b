// SPDX-License-Identifier: ISC

package test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// bettered: D3 frames mistaken for output at exec; replies come before fdctl_closed.
func TestRepliesBeforeAnExecStayReplies(t *testing.T) {
	for _, depth := range []int{1, 2, 8} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t)
			a := p.Chain(depth)
			p.Want(a.Pid(), a, "getpid")
			// While the parent of the process is busy, replies and output gather in one pipe.
			busy := pt.CallFrame(a.Parent(), "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, 300000))
			for range 5 {
				busy = append(busy, pt.CallFrame(a, "getpid")...)
			}
			p.Write(append(busy, pt.ExecFrame(a, "echo", "out")...))
			p.Next(pt.Reply(a.Parent(), okTuple(pt.List{}, pt.List{}, pt.List{})))
			for range 5 {
				p.Next(pt.Reply(a, a.Pid()))
			}
			p.Next(pt.Ctl(a, "fdctl_closed"))
			p.Await(pt.Stdout(a, "out\n"))
			p.Await(pt.ExitStatus(a, 0))
		})
	}
}

func TestManyRepliesAndManyBytesOfOutputAreToldApart(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	const replies, bytes = 500, 300000
	frames := pt.CallFrame(nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, 100000))
	for range replies {
		frames = append(frames, pt.CallFrame(a, "getpid")...)
	}
	// The output looks like frames.
	script := fmt.Sprintf(`yes "$(printf '\000\007\000\004\203\167\002ok')" | head -c %d`, bytes)
	p.Write(append(frames, pt.ExecFrame(a, "/bin/sh", "-c", script)...))
	p.Await(pt.Reply(nil, okTuple(pt.List{}, pt.List{}, pt.List{})))
	for range replies {
		p.Next(pt.Reply(a, a.Pid()))
	}
	p.Next(pt.Ctl(a, "fdctl_closed"))
	if got := len(p.Finish(a, pt.ExitStatus(a, 0))); got != bytes {
		t.Errorf("%d bytes of output, want %d", got, bytes)
	}
}

// What follows an exec call in the same write is the standard input of the program.
func TestDataBehindAnExecCallReachesTheProgram(t *testing.T) {
	for _, depth := range []int{1, 2, 16} {
		for _, size := range []int{1, 5, 4096, 60000, 65000} {
			t.Run(fmt.Sprintf("depth %d, %d bytes", depth, size), func(t *testing.T) {
				t.Parallel()
				p := pt.Start(t)
				a := p.Chain(depth)
				p.Want(a.Pid(), a, "getpid")
				data := pt.Bytes(size)
				exec := pt.ExecFrame(nil, "head", "-c", fmt.Sprint(size))
				if len(exec)+size+8*depth > pt.MaxFrame {
					t.Fatal("does not fit in one frame")
				}
				p.Stdin(a, string(exec)+data)
				p.Next(pt.Ctl(a, "fdctl_closed"))
				if got := p.Finish(a, pt.ExitStatus(a, 0)); got != data {
					t.Errorf("the program got %d bytes, starting %.40q", len(got), got)
				}
			})
		}
	}
}

func TestDataInFramesBehindAnExecCallReachesTheProgram(t *testing.T) {
	p := pt.Start(t)
	a := p.Chain(2)
	p.Want(a.Pid(), a, "getpid")
	p.Write(slices.Concat(pt.CallFrame(a, "getpid"), pt.ExecFrame(a, "cat"), pt.StdinFrame(a, []byte("one\n")),
		pt.StdinFrame(a, []byte("two\n")), pt.CallFrame(nil, "getpid")))
	p.Await(pt.Reply(nil, p.Pid))
	p.Next(pt.Reply(a, a.Pid()), pt.Ctl(a, "fdctl_closed"))
	if got := p.Output(pt.TypeStdout, a, 8); got != "one\ntwo\n" {
		t.Errorf("output %q", got)
	}
	p.Stdin(a, "three\n")
	p.Await(pt.Stdout(a, "three\n"))
	endOfFile(t, p, a)
	p.Await(pt.ExitStatus(a, 0))
}

// A process that may not fork must hand on what it read ahead as well.
func TestDataBehindAnExecCallReachesAProgramThatMayNotFork(t *testing.T) {
	pt.Need(t, "CAP_SETUID", 7)
	pt.Need(t, "CAP_SETGID", 6)
	p := pt.Start(t)
	a := p.Fork(nil)
	user := stranger()
	p.Want(ok, a, "setresgid", user, user, user)
	p.Want(ok, a, "setresuid", user, user, user)
	p.Want(ok, a, "setrlimit", pt.Atom("rlimit_nproc"), rlimit(1, 1))
	p.Want(errno("eagain"), a, "fork")
	data := pt.Bytes(30000)
	p.Stdin(a, string(pt.ExecFrame(nil, "head", "-c", fmt.Sprint(len(data))))+data)
	p.Next(pt.Ctl(a, "fdctl_closed"))
	if got := p.Finish(a, pt.ExitStatus(a, 0)); got != data {
		t.Errorf("the program got %d bytes, starting %.40q", len(got), got)
	}
}

func TestExecThatFailsIsAReplyAndCallsGoOn(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		pid := p.Int(to, "getpid")
		p.Write(slices.Concat(
			pt.CallFrame(to, "getpid"),
			pt.ExecFrame(to, "/no/such/program"),
			pt.CallFrame(to, "getpid"),
			pt.CallFrame(to, "execve", pt.Binary("/etc/passwd"), argv("x"), argv("A=1")),
			pt.CallFrame(to, "fexecve", 999, argv("x"), argv("A=1")),
			pt.CallFrame(to, "setenv", pt.Binary("PATH"), pt.Binary("/usr/bin:/bin"), 1),
			pt.ExecFrame(to, "nosuchprogram"),
			pt.CallFrame(to, "version"),
		))
		p.Next(
			pt.Reply(to, pid),
			pt.Reply(to, errno("enoent")),
			pt.Reply(to, pid),
			pt.Reply(to, errno("eacces")),
			pt.Reply(to, errno("ebadf")),
			pt.Reply(to, ok),
			pt.Reply(to, errno("enoent")),
			pt.Reply(to, pt.Binary("1.0.1")),
		)
		p.Quiet(nil, to)
	})
}

func TestExecAfterAFailedExecIsExactToo(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Write(slices.Concat(
		pt.CallFrame(nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, 200000)),
		pt.CallFrame(a, "getpid"), pt.ExecFrame(a, "/no/such/program"), pt.CallFrame(a, "getpid"),
		pt.ExecFrame(a, "/bin/sh", "-c", "echo out; exit 4"),
	))
	p.Await(pt.Reply(nil, okTuple(pt.List{}, pt.List{}, pt.List{})))
	p.Next(pt.Reply(a, a.Pid()), pt.Reply(a, errno("enoent")), pt.Reply(a, a.Pid()), pt.Ctl(a, "fdctl_closed"))
	p.Await(pt.Stdout(a, "out\n"))
	p.Await(pt.ExitStatus(a, 4))
}

// The three exec calls answer nothing when they succeed.
func TestEveryExecCallReplacesTheProgramWithoutAReply(t *testing.T) {
	const script = `echo "$0 $1 $A $B"; exit 7`
	args := argv("sh", "-c", script, "zero", "one")
	for _, name := range []string{"execve", "execvp", "fexecve"} {
		t.Run(name, func(t *testing.T) {
			p := pt.Start(t)
			a := p.Fork(nil)
			want := "zero one a \n"
			switch name {
			case "execve":
				p.Send(a, "execve", pt.Binary("/bin/sh"), args, argv("A=a"))
			case "execvp":
				p.Want(ok, a, "setenv", pt.Binary("A"), pt.Binary("a"), 1)
				p.Send(a, "execvp", pt.Binary("sh"), args)
			case "fexecve":
				fd := p.Int(a, "open", pt.Binary("/bin/sh"), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
				p.Send(a, "fexecve", fd, args, argv("A=a"))
			}
			p.Next(pt.Ctl(a, "fdctl_closed"))
			p.Await(pt.Stdout(a, want))
			p.Await(pt.ExitStatus(a, 7))
			p.Quiet()
		})
	}
}

func TestExecInTheTopLevelPortClosesTheFifoAndKeepsStdio(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t, pt.AnyEnd(), pt.Garbage(), pt.Talks())
	fds := "cd /proc/self/fd; for fd in *; do test -e $fd && echo -n \"$fd \"; done; read line; echo $line; echo err >&2; exit 9"
	p.Write(append(pt.ExecFrame(nil, "/bin/sh", "-c", fds), "raw input\n"...))
	p.FifoClosed()
	if s := p.Exit(); s != 9 {
		t.Errorf("exit status %d, want 9", s)
	}
	if raw := p.Raw(); !strings.HasSuffix(raw, "0 1 2 raw input\n") {
		t.Errorf("stdout %q", raw)
	}
	if s := p.Stderr(); s != "err\n" {
		t.Errorf("stderr %q", s)
	}
}

// bettered: D22 exec'ed programs get descriptors 0, 1, 2 and those that the user opened.
func TestExecedProgramsHaveOnlyTheDescriptorsThatWereOpenedForThem(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	p.Fork(nil) // a sibling whose descriptors must not be seen either
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		a := p.Fork(to)
		b := p.Fork(to)
		fd := p.Int(b, "open", pt.Binary("/etc/passwd"), pt.List{pt.Atom("o_rdonly")}, 0)
		p.Int(b, "open", pt.Binary("/etc/passwd"), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
		// ls itself opens the folder.
		p.Exec(b, "/bin/ls", "-l", "/proc/self/fd")
		out := p.Finish(b, pt.ExitStatus(b, 0))
		var open []string
		for line := range strings.Lines(out) {
			if f := strings.Fields(line); len(f) > 8 && !strings.HasPrefix(f[10], "/proc/") {
				open = append(open, f[8])
			}
		}
		if want := []string{"0", "1", "2", fmt.Sprint(fd)}; !slices.Equal(open, want) {
			t.Errorf("open descriptors %v, want %v in\n%s", open, want, out)
		}
		p.Stop(a)
	})
}

// kept: re-execution with -d keeps serving on the same descriptors.
// bettered: D21 a port executed again can fork.
func TestPortThatExecutesItselfAgainWithDepthKeepsServing(t *testing.T) {
	pt.Linux(t, "/proc")
	for _, depth := range []int{1, 3} {
		t.Run(fmt.Sprint("depth ", depth), func(t *testing.T) {
			p := pt.Start(t)
			a := p.Chain(depth)
			reexec(p, a)
			p.Want(a.Pid(), a, "getpid")
			p.Want(5, a, "getopt", pt.Atom("maxchild"))
			if n := pt.Threads(a.Pid()); n != 1 {
				t.Errorf("%d threads", n)
			}
			b := p.Fork(a)
			c := p.Fork(b)
			p.Want(c.Pid(), c, "getpid")
			p.Sh(c, "echo from below; exit 5")
			p.Await(pt.Stdout(c, "from below\n"))
			p.Await(pt.ExitStatus(c, 5))
			p.Stop(b)
			// Exec is exact from here as well.
			p.Write(append(pt.CallFrame(a, "getpid"), pt.ExecFrame(a, "echo", "out")...))
			p.Next(pt.Reply(a, a.Pid()), pt.Ctl(a, "fdctl_closed"))
			p.Await(pt.Stdout(a, "out\n"))
			p.Await(pt.ExitStatus(a, 0))
			p.Quiet()
		})
	}
}

// reexec has the process at to execute the port again, as prx does.
func reexec(p *pt.Port, to pt.Pipeline) {
	fd := p.Int(to, "open", pt.Binary(pt.Program()), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
	for keep := 3; keep <= 5; keep++ {
		p.Want(okTuple(0), to, "fcntl", keep, pt.Atom("f_setfd"), 0)
	}
	p.Send(to, "fexecve", fd, argv(pt.Program(), "-d", fmt.Sprint(len(to)), "-m", "5"), argv("A=1"))
	p.Next(pt.Reply(to, ok))
}

// What was ignored stays ignored across exec, in the port as in any program; what was handled has
// its default action.
func TestPortThatExecutesItselfAgainIgnoresWhatItIgnored(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for _, name := range []pt.Atom{"sigusr1", "sigpipe", "sighup"} {
		p.Want(pt.Tuple{ok, pt.Atom("sig_info")}, a, "sigaction", name, pt.Atom("sig_ign"))
	}
	reexec(p, a)
	for name, want := range map[pt.Atom]pt.Atom{"sigusr1": "sig_ign", "sigpipe": "sig_ign", "sighup": "sig_ign",
		"sigusr2": "sig_dfl", "sigterm": "sig_dfl"} {
		p.Want(pt.Tuple{ok, want}, a, "sigaction", name, pt.List{})
	}
	p.Signal(a, syscall.SIGUSR1)
	p.Want(a.Pid(), a, "getpid")
}

func TestExecThatFailsAfterDescriptorsWereKeptGoesOn(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for keep := 3; keep <= 5; keep++ {
		p.Want(okTuple(0), a, "fcntl", keep, pt.Atom("f_setfd"), 0)
	}
	p.Want(errno("enoent"), a, "execve", pt.Binary("/no/such/program"), argv("x"), argv())
	p.Want(a.Pid(), a, "getpid")
	b := p.Fork(a)
	p.Want(b.Pid(), b, "getpid")
	reexec(p, a)
	p.Want(a.Pid(), a, "getpid")
}

// The depth that users rely on, and the greatest that there is.
func TestForkDepthIsLimitedByMaxforkdepth(t *testing.T) {
	p := pt.Start(t)
	l := p.Chain(16)
	p.Want(errno("eagain"), l, "fork")
	p.Want(errno("eagain"), l, "clone", pt.List{pt.Atom("clone_newuts")})
	p.Want(true, l, "setopt", pt.Atom("maxforkdepth"), 17)
	b := p.Fork(l)
	p.Want(errno("eagain"), b, "fork")
	p.Want(b.Pid(), b, "getpid")
}

func TestChainOf128ForksAnswersAtItsEnd(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("maxforkdepth"), 128)
	l := p.Chain(128)
	p.Want(errno("eagain"), l, "fork")
	p.Want(l.Pid(), l, "getpid")
	p.Sh(l, "cat; exit 3")
	p.Stdin(l, "through 128 processes\n")
	p.Await(pt.Stdout(l, "through 128 processes\n"))
	p.Signal(l, 9)
	p.Await(pt.TermSig(l, "sigkill"))
}

func TestTwoMegabytesOfOutputPassSixteenProcessesByteForByte(t *testing.T) {
	p := pt.Start(t)
	l := p.Chain(16)
	p.Sh(l, `i=0; while [ $i -lt 40 ]; do seq $i 15000; i=$((i+1)); done | head -c 2000000`)
	got := p.Finish(l, pt.ExitStatus(l, 0))
	var want strings.Builder
	for i := 0; want.Len() < 2000000; i++ {
		for n := i; n <= 15000; n++ {
			fmt.Fprintln(&want, n)
		}
	}
	if a, b := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want.String()[:2000000])); a != b {
		t.Errorf("%d bytes with another hash than the 2000000 written", len(got))
	}
}

// A call that reads from descriptor 0 takes input that its parent followed frame by frame.
// The parent is held up while it serves another child, and the process goes on to an exec,
// whose program writes what looks like replies: they are output.
func TestProgramOfAProcessThatReadItsInputSpeaksForNobody(t *testing.T) {
	pt.Linux(t, "/proc")
	forged := string(pt.Frame(pt.TypeCall, pt.Encode(pt.Tuple{ok, false})))
	var octal strings.Builder
	for _, b := range []byte(forged) {
		fmt.Fprintf(&octal, "\\%03o", b)
	}
	for range 12 {
		p := pt.Start(t)
		first, second, b := p.Fork(nil), p.Fork(nil), p.Fork(nil)
		p.Write(append(pt.CallFrame(b, "read", 0, 4), pt.StdinFrame(b, []byte("abcd"))...))
		p.Next(pt.Reply(b, pt.Tuple{ok, pt.Binary("abcd")}))
		for _, busy := range []pt.Pipeline{first, second} {
			p.Exec(busy, "cat", "/dev/zero")
		}
		const calls = 100
		wait := pt.CallFrame(b, "select", pt.List{}, pt.List{}, pt.List{}, pt.Tuple{pt.Atom("alcove_timeval"), 0, 2000})
		p.Write(append(bytes.Repeat(wait, calls), pt.ExecFrame(b, "sh", "-c", "printf '"+octal.String()+"'; read end")...))
		reply := func(m pt.Message) bool { return m.Is(pt.TypeCall, b) }
		p.Receive("the first reply", reply)
		p.Hold()
		pt.Until(t, "the program runs", func() bool { return pt.Status(b.Pid(), "Name") == "sh" && pt.SystemCall(b.Pid()) == unix.SYS_READ })
		p.Release()
		for range calls - 1 {
			if got := p.Receive("the next reply", reply).String(); strings.Contains(got, "false") {
				t.Fatalf("a forged reply: %s", got)
			}
		}
		p.Await(pt.Ctl(b, "fdctl_closed"))
		if got := p.Output(pt.TypeStdout, b, len(forged)); got != forged {
			t.Errorf("output %q, want %q", got, forged)
		}
		p.Stdin(b, "\n")
		p.Await(pt.ExitStatus(b, 0))
	}
}

// bettered: nothing that was written before an exec is lost: output of the children of a
// process, and how they ended, come before it becomes another program, credit or not.
func TestWhatChildrenHaveWrittenComesBeforeTheirParentExecutesAProgram(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, a, "setopt", pt.Atom("flowcontrol"), 0)
	program, ended := p.Fork(a), p.Fork(a)
	dir := t.TempDir()
	first, second, wrote := filepath.Join(dir, "first"), filepath.Join(dir, "second"), filepath.Join(dir, "wrote")
	for _, gate := range []string{first, second} {
		if err := syscall.Mkfifo(gate, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.Sh(program, "read x <"+first+"; echo out; echo err >&2; echo >"+wrote+"; read x")
	p.Sh(ended, "read x <"+second+"; echo last; exit 6")
	// All of it happens while their parent is stopped, which then finds the exec first.
	p.Signal(a, syscall.SIGSTOP)
	pt.Until(t, "the parent is stopped", func() bool { return pt.State(a.Pid()) == "T" })
	for _, gate := range []string{first, second} {
		if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	pt.Until(t, "the program has written", func() bool { _, err := os.Stat(wrote); return err == nil })
	pt.Until(t, "the other has ended", func() bool { return pt.State(ended.Pid()) == "Z" })
	p.SendExec(a, "cat")
	p.Signal(a, syscall.SIGCONT)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	want := map[string]bool{}
	for _, m := range []pt.Message{pt.Stdout(program, "out\n"), pt.Stderr(program, "err\n"), pt.Stdout(ended, "last\n"), pt.ExitStatus(ended, 6)} {
		want[m.String()] = true
	}
	for _, m := range p.Queue() {
		delete(want, m.String())
	}
	if len(want) > 0 {
		t.Errorf("lost: %v", want)
	}
	p.Stdin(a, "x\n")
	p.Await(pt.Stdout(a, "x\n"))
}
