// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// What belongs to whom on a process's standard input, around calls that read it or hand it to
// another program.

func TestDataBehindEveryExecCallReachesTheProgram(t *testing.T) {
	p := pt.Start(t)
	for _, name := range []string{"execve", "execvp", "fexecve"} {
		a := p.Fork(nil)
		var frame []byte
		switch name {
		case "execve":
			frame = pt.CallFrame(nil, name, pt.Binary("/bin/cat"), argv("cat"), argv("A=1"))
		case "execvp":
			frame = pt.CallFrame(nil, name, pt.Binary("cat"), argv("cat"))
		case "fexecve":
			fd := p.Int(a, "open", pt.Binary("/bin/cat"), pt.List{pt.Atom("o_cloexec")}, 0)
			frame = pt.CallFrame(nil, name, fd, argv("cat"), argv("A=1"))
		}
		p.Stdin(a, string(frame)+"behind "+name)
		p.Next(pt.Ctl(a, "fdctl_closed"), pt.Stdout(a, "behind "+name))
		endOfFile(t, p, a)
		p.Next(pt.ExitStatus(a, 0))
	}
}

func TestExecCallAndDataMayBeCutAnywhere(t *testing.T) {
	p := pt.Start(t)
	for _, depth := range []int{1, 3} {
		parent := p.Chain(depth - 1)
		bytes := string(pt.CallFrame(nil, "getpid")) + string(pt.ExecFrame(nil, "head", "-c", "9")) + "123456789"
		for cut := 1; cut < len(bytes); cut++ {
			a := p.Fork(parent)
			p.Stdin(a, bytes[:cut])
			p.Want(p.Pid, nil, "getpid")
			p.Stdin(a, bytes[cut:])
			p.Await(pt.Reply(a, a.Pid()))
			p.Await(pt.Ctl(a, "fdctl_closed"))
			if out := p.Finish(a, pt.ExitStatus(a, 0)); out != "123456789" {
				t.Errorf("depth %d, cut at %d: the program got %q", depth, cut, out)
			}
		}
		a := p.Fork(parent)
		for i := range bytes {
			p.Stdin(a, bytes[i:i+1])
		}
		p.Await(pt.Reply(a, a.Pid()))
		p.Await(pt.Ctl(a, "fdctl_closed"))
		if out := p.Finish(a, pt.ExitStatus(a, 0)); out != "123456789" {
			t.Errorf("depth %d, byte by byte: the program got %q", depth, out)
		}
	}
}

// Whether an exec call is refused by its arguments, by a filter, or by the kernel: what follows is
// for the process.
func TestCallsBehindAnExecCallThatIsRefusedAreAnswered(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(ok, a, "filter", filterOf("execve"), pt.Binary(""))
	p.Write(slices.Concat(
		pt.CallFrame(a, "execvp", pt.Atom("no path"), argv("x")), pt.CallFrame(a, "getpid"),
		pt.CallFrame(a, "execvp", pt.Binary("true")), pt.CallFrame(a, "getpid"),
		pt.CallFrame(a, "execve", pt.Binary("/bin/true"), argv("true"), argv("A=1")), pt.CallFrame(a, "getpid"),
		pt.CallFrame(a, "fexecve", -1, argv("true"), argv("A=1")), pt.CallFrame(a, "getpid"),
		pt.RawCallFrame(a, pt.Number("execvp"), []byte("garbage")), pt.CallFrame(a, "getpid"),
		pt.ExecFrame(a, "/no/such/program"), pt.ExecFrame(a, "/no/such/program"), pt.CallFrame(a, "getpid"),
	))
	for _, reply := range []pt.Term{badarg, a.Pid(), badarg, a.Pid(), undef, a.Pid(), errno("einval"), a.Pid(), badarg, a.Pid(),
		errno("enoent"), errno("enoent"), a.Pid()} {
		p.Next(pt.Reply(a, reply))
	}
	p.Quiet(nil, a)
}

// kept: a call that reads descriptor 0 gets what follows its frame.
func TestReadOfDescriptor0GetsWhatFollowsTheCall(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Write(slices.Concat(pt.CallFrame(a, "read", 0, 5), pt.StdinFrame(a, []byte("hello")), pt.CallFrame(a, "getpid")))
	p.Next(pt.Reply(a, okTuple(pt.Binary("hello"))), pt.Reply(a, a.Pid()))
	p.Send(a, "read", 0, 100)
	pt.Until(t, "the process waits for input", func() bool { return pt.SystemCall(a.Pid()) == syscall.SYS_READ })
	p.Want(p.Pid, nil, "getpid")
	p.Stdin(a, "later")
	p.Next(pt.Reply(a, okTuple(pt.Binary("later"))))
	p.Want(a.Pid(), a, "getpid")
	// A program executed after that gets its input as well.
	p.Stdin(a, string(pt.ExecFrame(nil, "head", "-c", "20000"))+pt.Bytes(20000))
	p.Await(pt.Ctl(a, "fdctl_closed"))
	if out := p.Finish(a, pt.ExitStatus(a, 0)); out != pt.Bytes(20000) {
		t.Errorf("the program got %d bytes, starting %.40q", len(out), out)
	}
}

func TestInputClosedBehindDataIsReadToItsEnd(t *testing.T) {
	p := pt.Start(t)
	for _, size := range []int{10, 60000} {
		for range 10 {
			a := p.Fork(nil)
			fd := slotOf(t, p, a).Stdin
			p.Write(slices.Concat(pt.ExecFrame(a, "cat"), pt.StdinFrame(a, []byte(pt.Bytes(size))), pt.CallFrame(nil, "close", fd)))
			p.Await(pt.Reply(nil, ok))
			p.Await(pt.Ctl(a, "fdctl_closed"))
			if out := p.Finish(a, pt.ExitStatus(a, 0)); out != pt.Bytes(size) {
				t.Errorf("the program got %d bytes of %d", len(out), size)
			}
		}
		p.Quiet()
	}
}

func TestEndOfInputBehindCallsComesAfterTheirReplies(t *testing.T) {
	p := pt.Start(t)
	for range 20 {
		a := p.Fork(nil)
		fd := slotOf(t, p, a).Stdin
		var batch []byte
		for range 10 {
			batch = append(batch, pt.CallFrame(a, "iolist_to_bin", pt.Binary(pt.Bytes(3000)))...)
		}
		p.Write(append(batch, pt.CallFrame(nil, "close", fd)...))
		p.Await(pt.Reply(nil, ok))
		for range 10 {
			p.Await(pt.Reply(a, pt.Binary(pt.Bytes(3000))))
		}
		p.Next(pt.Ctl(a, "fdctl_closed"), pt.ExitStatus(a, 0))
	}
}

// More data behind an exec call than any pipe holds: what {pipe, N} says, and what it does not,
// adds up.
func TestBytesBehindAnExecCallAddUp(t *testing.T) {
	random := seeded(t)
	p := pt.Start(t)
	for range 10 {
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		p.Signal(a, syscall.SIGSTOP)
		pt.Until(t, "the process stops", func() bool { return pt.State(a.Pid()) == "T" })
		p.Write(pt.ExecFrame(a, "wc", "-c"))
		sent := map[int]int{}
		count := 5 + random.IntN(10)
		for i := range count {
			size := 1 + random.IntN(60000)
			sent[i] = size
			p.Stdin(a, pt.Bytes(size))
			p.Send(nil, "getuid")
			m := p.Any()
			if m.Is(pt.TypePipe, a) {
				n, _ := m.Term().(int)
				sent[i] = n
				m = p.Any()
			}
			if !m.Is(pt.TypeCall, nil) {
				t.Fatalf("unexpected %v", m)
			}
		}
		sum := 0
		for _, n := range sent {
			sum += n
		}
		endOfFile(t, p, a)
		p.Signal(a, syscall.SIGCONT)
		if out := strings.TrimSpace(p.Finish(a, pt.ExitStatus(a, 0))); out != strconv.Itoa(sum) {
			t.Errorf("the program got %s bytes, accounted for were %d", out, sum)
		}
		p.Queue()
	}
}

// A program in the place of the port itself reads what the client writes, also what the port had
// read ahead.
func TestProgramInThePlaceOfThePortReadsAllThatFollows(t *testing.T) {
	for _, size := range []int{0, 10, 70000, 1 << 20} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			p := pt.Start(t, pt.AnyEnd(), pt.Garbage(), pt.Talks())
			data := pt.Bytes(size)
			p.Write(append(pt.CallFrame(nil, "getpid"), pt.ExecFrame(nil, "sh", "-c", "wc -c >&2")...))
			p.Write([]byte(data))
			p.FifoClosed()
			p.CloseInput()
			if s := p.Exit(); s != 0 {
				t.Errorf("exit status %d", s)
			}
			if got := strings.TrimSpace(p.Stderr()); got != strconv.Itoa(size) {
				t.Errorf("the program got %s bytes, want %d", got, size)
			}
		})
	}
}
