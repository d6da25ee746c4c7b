// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

var extensionCalls = map[string]call{
	"syscall": {args: []argument{arg(trapKind, pt.Atom("sys_getpid")), arg(kind{"empty tuple": accepted, "tuple": accepted,
		"large tuple": accepted}, pt.Tuple{})}, valid: validSyscall},
	"batch":    {args: []argument{arg(kind{"nil": accepted, "list of tuples": accepted}, pt.List{})}, valid: validBatch},
	"watch":    {args: []argument{arg(intKind, -1), arg(kind{"nil": accepted}, pt.List{})}, valid: validWatch},
	"getdents": {args: []argument{arg(intKind, -1)}, valid: validGetdents},
}

// trapKind: a number that is none of a system call is einval; 0 and 3 are such.
var trapKind = merge(unknownName, anyBigs, kind{"negative": errno("einval"), "least int": errno("einval"),
	"below int": errno("einval"), "above int": errno("einval"), "above uint": errno("einval"),
	"negative small big": errno("einval")})

// validSyscall: see calls/syscall_test.go for all that is refused. Here is what concerns a process
// that serves.
func validSyscall(c *caller) {
	pid := c.to.Pid()
	c.want(pt.Tuple{ok, pid, pt.Tuple{}}, pt.Atom("sys_getpid"), pt.Tuple{})
	b := c.fork()
	s := slotOf(c.t, c.Port, b.to)
	einval := errno("einval")
	for _, fd := range []int{0, 1, 2, 3, 4, 5, s.Control, s.Stdin, s.Stdout, s.Stderr} {
		c.want(einval, pt.Atom("sys_close"), pt.Tuple{fd})
		c.want(einval, pt.Atom("sys_dup3"), pt.Tuple{100, fd, 0})
		c.want(einval, pt.Atom("sys_close_range"), pt.Tuple{fd, fd, 0})
		c.want(einval, pt.Atom("sys_fcntl"), pt.Tuple{fd, 1, 0})
		if fd != 2 {
			c.want(einval, pt.Atom("sys_write"), pt.Tuple{fd, pt.Binary("x"), 1})
		}
	}
	c.want(einval, pt.Atom("sys_close_range"), pt.Tuple{6, 1<<32 - 1, 0})
	// A descriptor that is nobody's is.
	null := c.Int(c.to, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_rdwr")}, 0)
	c.want(pt.Tuple{ok, 0, pt.Tuple{null}}, pt.Atom("sys_close"), pt.Tuple{null})
	b.also(b.to.Pid(), "getpid")
	// What a call of the hundred cannot say.
	reply, _ := c.Call(c.to, c.name, pt.Atom("sys_memfd_create"), pt.Tuple{pt.Binary("x\x00"), pt.Atom("mfd_cloexec")}).(pt.Tuple)
	if len(reply) != 3 || reply[0] != pt.Atom("ok") || pt.Format(reply[2]) != pt.Format(pt.Tuple{pt.Binary("x\x00"), 1}) {
		c.t.Errorf("memfd_create: %s", pt.Format(reply))
	}
	// A filter that is installed so is noted: the loop goes on with what filters allow.
	d := c.fork()
	d.also(pt.Tuple{ok, 0, 1, 0, 0, 0}, "prctl", pt.Atom("pr_set_no_new_privs"), 1, 0, 0, 0)
	allow := pt.Binary("\x06\x00\x00\x00\x00\x00\xff\x7f")
	program := pt.List{pt.Binary("\x01\x00\x00\x00\x00\x00\x00\x00"), pt.Tuple{pt.Atom("ptr"), allow}}
	d.want(pt.Tuple{ok, 0, pt.Tuple{1, 0, program}}, pt.Atom("sys_seccomp"), pt.Tuple{pt.Atom("seccomp_set_mode_filter"), 0, program})
	d.also(d.to.Pid(), "getpid")
}

// extend has the process, and those that it forks from now on, answer the calls that the C port
// does not have.
func extend(p *pt.Port, to pt.Pipeline) { p.Want(true, to, "setopt", pt.Atom("extensions"), 1) }

// A client that knows the hundred calls sees none but an option that it does not know.
func TestExtensionsAreUndefUntilSomebodyAsksForThem(t *testing.T) {
	p := pt.Start(t)
	for _, name := range pt.Extensions() {
		p.Want(undef, nil, name)
		p.Write(pt.RawCallFrame(nil, pt.Number(name), []byte("x")))
		p.Next(pt.Reply(nil, undef))
	}
}

func TestExtensionsAreInheritedAndTakenAwayForGood(t *testing.T) {
	p := pt.Start(t)
	there := p.Int(nil, "getopt", pt.Atom("extensions"))
	before := p.Fork(nil)
	extend(p, nil)
	after := p.Fork(nil)
	p.Want(undef, before, "getdents", -1)
	p.Want(errno("ebadf"), after, "getdents", -1)
	p.Want(true, after, "setopt", pt.Atom("extensions"), 0)
	p.Want(undef, after, "getdents", -1)
	below := p.Fork(after)
	for _, to := range []pt.Pipeline{after, below} {
		p.Want(0, to, "getopt", pt.Atom("extensions"))
		p.Want(false, to, "setopt", pt.Atom("extensions"), 1)
		p.Want(undef, to, "getdents", -1)
	}
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(there, nil, "getopt", pt.Atom("extensions"))
}

// A map of calls without bits for the extensions was made by somebody who does not know them.
func TestShortFilterOfProcessesForkedLaterBlocksExtensions(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	p.Want(ok, nil, "filter", pt.Binary(""), pt.Binary("\x00"))
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(undef, p.Fork(nil), "getdents", -1)
}

// of returns a call in a batch.
func of(name string, args ...pt.Term) pt.Term {
	return pt.Tuple{pt.Number(name), append(pt.Tuple{}, args...)}
}

func validBatch(c *caller) {
	c.want(pt.Tuple{ok, pt.List{}}, pt.List{})
	c.want(pt.Tuple{ok, pt.List{c.to.Pid(), pt.Binary("1.0.1")}}, pt.List{of("getpid"), of("version")})
	c.want(pt.Tuple{pt.Atom("error"), 2, pt.List{ok, errno("enoent")}},
		pt.List{of("chdir", pt.Binary("/")), of("chdir", pt.Binary("no such folder")), of("exit", 1)})
	// The child that is forked in the middle does nothing of the rest.
	reply := c.OK(c.to, c.name, pt.List{of("fork"), of("setenv", pt.Binary("A"), pt.Binary("1"), 1)}).(pt.List)
	b := c.in(c.to.Then(reply[0].(pt.Tuple)[1].(int)))
	b.also(b.to.Pid(), "getpid")
	b.also(false, "getenv", pt.Binary("A"))
	c.also(pt.Binary("1"), "getenv", pt.Binary("A"))
	// Data behind a batch is for the child, whether the batch could have executed a program or not.
	b.Send(b.to, c.name, pt.List{of("getpid")})
	b.Send(b.to, "getuid")
	b.Reply(b.to, c.name)
	b.Reply(b.to, "getuid")
}

// As behind an exec call, what follows is input of the program.
func TestProgramIsExecutedByTheLastCallOfABatch(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	cat := func(path string) pt.Term {
		return pt.List{of("setenv", pt.Binary("A"), pt.Binary("1"), 1), of("execvp", pt.Binary(path), argv("cat"))}
	}
	p.Write(append(pt.CallFrame(a, "batch", cat("no-such-program")), pt.CallFrame(a, "version")...))
	p.Next(pt.Reply(a, pt.Tuple{pt.Atom("error"), 2, pt.List{ok, errno("enoent")}}), pt.Reply(a, pt.Binary("1.0.1")))
	p.Write(append(pt.CallFrame(a, "batch", cat("cat")), pt.StdinFrame(a, []byte("hello\n"))...))
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.Await(pt.Stdout(a, "hello\n"))
}

func TestAChildBeginsWithTheBatchBehindTheFork(t *testing.T) {
	setenv := of("setenv", pt.Binary("A"), pt.Binary("1"), 1)
	getenv := of("getenv", pt.Binary("A"))
	failed := func(n int, replies ...pt.Term) pt.Term { return pt.Tuple{pt.Atom("error"), n, pt.List(replies)} }
	for _, test := range []struct {
		name  string
		calls pt.Term
		want  pt.Term
	}{
		{"none", pt.List{}, pt.Tuple{ok, pt.List{}}},
		{"some", pt.List{setenv, getenv}, pt.Tuple{ok, pt.List{ok, pt.Binary("1")}}},
		{"one fails", pt.List{setenv, of("chdir", pt.Binary("no such folder")), setenv}, failed(2, ok, errno("enoent"))},
		{"not a list", 1, badarg},
		{"a batch", pt.List{of("batch", pt.List{})}, badarg},
		{"another for a child", pt.List{of("fork"), of("batch", pt.List{})}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := pt.Start(t)
			extend(p, nil)
			a := p.Fork(nil)
			reply := p.OK(a, "batch", pt.List{of("version"), of("fork"), of("batch", test.calls)}).(pt.List)
			b := a.Then(reply[1].(pt.Tuple)[1].(int))
			p.Await(pt.Reply(b, test.want))
			p.Want(pt.Atom("false"), a, "getenv", pt.Binary("A"))
			p.Want(int(b[len(b)-1]), b, "getpid")
			p.Want(pt.Tuple{ok, pt.List{}}, b, "batch", pt.List{})
			p.Sh(b, "exit 3")
			p.Await(pt.ExitStatus(b, 3))
		})
	}
}

// The filter of children is in force from their first call on.
func TestAChildThatMayNotMakeBatchesDoesNotBeginWithOne(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	p.Want(ok, nil, "filter", pt.Binary(""), filterOf("batch"))
	reply := p.OK(nil, "batch", pt.List{of("fork"), of("batch", pt.List{of("exit", 1)})}).(pt.List)
	a := pt.Pipeline{reply[0].(pt.Tuple)[1].(int)}
	p.Await(pt.Reply(a, pt.Atom("undef")))
	p.Want(a.Pid(), a, "getpid")
}

func TestTheForkBeforeABatchOfAChildFails(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	p.Want(pt.Atom("true"), nil, "setopt", pt.Atom("maxchild"), 0)
	p.Want(pt.Tuple{pt.Atom("error"), 2, pt.List{pt.Binary("1.0.1"), errno("eagain")}},
		nil, "batch", pt.List{of("version"), of("fork"), of("batch", pt.List{of("exit", 1)})})
	p.Want(pt.Binary("1.0.1"), nil, "version")
}

func TestBatchEndsTheProcessWithItsLastCall(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	p.Send(a, "batch", pt.List{of("setenv", pt.Binary("A"), pt.Binary("1"), 1), of("exit", 7)})
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.Await(pt.ExitStatus(a, 7))
}

func validGetdents(c *caller) {
	dir := c.t.TempDir()
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("%0200d", i)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			c.t.Fatal(err)
		}
		want = append(want, name)
	}
	c.also(errno("emsgsize"), "readdir", pt.Binary(dir))
	fd := c.Int(c.to, "open", pt.Binary(dir), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_directory"), pt.Atom("o_cloexec")}, 0)
	var got []string
	for {
		names, more := c.OK(c.to, c.name, fd).(pt.Chained)
		if !more {
			break
		}
		for _, n := range names {
			if n != pt.Binary(".") && n != pt.Binary("..") {
				got = append(got, string(n.(pt.Binary)))
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("names (-want +got):\n%s", diff)
	}
	c.want(errno("enotdir"), 0)
	c.also(ok, "close", fd)
	c.want(errno("ebadf"), fd)
}

func ready(from pt.Pipeline, fd int, what ...pt.Term) pt.Message {
	return pt.Event(from, pt.Tuple{pt.Atom("ready"), fd, pt.Chained(what)})
}

func validWatch(c *caller) {
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", pt.Binary(fifo), 0o600)
	open := func(flag pt.Atom) int {
		return c.Int(c.to, "open", pt.Binary(fifo), pt.List{flag, pt.Atom("o_nonblock"), pt.Atom("o_cloexec")}, 0)
	}
	in := open("o_rdonly")
	out := open("o_wronly")
	readable, writable := pt.List{pt.Atom("readable")}, pt.List{pt.Atom("writable")}
	c.want(ok, in, readable)
	c.also(c.to.Pid(), "getpid")
	c.also(pt.Tuple{ok, 1}, "write", out, pt.Binary("x"))
	c.Await(ready(c.to, in, pt.Atom("readable")))
	// Once, until it is asked for again.
	c.also(pt.Tuple{ok, 1}, "write", out, pt.Binary("x"))
	c.also(c.to.Pid(), "getpid")
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, pt.Atom("readable")))
	c.want(ok, out, pt.List{pt.Atom("writable"), pt.Atom("readable")})
	c.Await(ready(c.to, out, pt.Atom("writable")))
	// Not any more; another one instead; in a child not at all.
	c.also(pt.Tuple{ok, pt.Binary("xx")}, "read", in, 100)
	c.want(ok, in, readable)
	c.want(ok, in, pt.List{})
	c.want(ok, in, pt.List{})
	c.want(ok, in, readable)
	b := c.fork()
	c.also(pt.Tuple{ok, 1}, "write", out, pt.Binary("x"))
	c.Await(ready(c.to, in, pt.Atom("readable")))
	b.also(b.to.Pid(), "getpid")
	c.Stop(b.to)
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, pt.Atom("readable")))
	c.also(pt.Tuple{ok, pt.Binary("x")}, "read", in, 100)
	c.want(ok, in, readable)
	c.also(ok, "close", out)
	c.Await(ready(c.to, in, pt.Atom("hangup")))
	c.want(badarg, in, pt.List{pt.Atom("readable"), pt.Atom("zip")})
	c.want(badarg, in, pt.Atom("readable"))
	c.want(errno("ebadf"), -1, writable)
	c.also(ok, "close", in)
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, pt.Atom("closed")))
}

func TestDescriptorThatIsClosedWhileItIsWatchedIsAnEvent(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", pt.Binary(fifo), 0o600)
	fd := open(p, nil, fifo, pt.Atom("o_rdwr"))
	p.Want(ok, nil, "watch", fd, pt.List{pt.Atom("readable")})
	p.Want(ok, nil, "close", fd)
	p.Await(ready(nil, fd, pt.Atom("closed")))
	p.Want(p.Pid, nil, "getpid")
}

func TestProcessUnderTheFilterOfTheFieldWatchesDescriptors(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", pt.Binary(fifo), 0o600)
	a := p.Fork(nil)
	fd := open(p, a, fifo, pt.Atom("o_rdwr"))
	p.Want(ok, a, "watch", fd, pt.List{pt.Atom("readable")})
	lockDown(p, a)
	for range 10 {
		p.Want(pt.Tuple{ok, 1}, a, "write", fd, pt.Binary("x"))
		p.Await(ready(a, fd, pt.Atom("readable")))
		p.Want(ok, a, "watch", fd, pt.List{pt.Atom("readable")})
		p.Await(ready(a, fd, pt.Atom("readable")))
		p.Want(pt.Tuple{ok, pt.Binary("x")}, a, "read", fd, 10)
		p.Want(ok, a, "watch", fd, pt.List{pt.Atom("readable")})
	}
}

func TestNoMoreThan16DescriptorsAreWatched(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	var fds []int
	for range 17 {
		fds = append(fds, open(p, a, "/dev/null", pt.Atom("o_rdonly")))
	}
	dir := t.TempDir()
	p.Want(ok, a, "mkfifo", pt.Binary(filepath.Join(dir, "fifo")), 0o600)
	for i := range fds { // in place of files, which are always ready
		p.Want(ok, a, "close", fds[i])
		fds[i] = open(p, a, filepath.Join(dir, "fifo"), pt.Atom("o_rdwr"))
	}
	readable := pt.List{pt.Atom("readable")}
	for _, fd := range fds[:16] {
		p.Want(ok, a, "watch", fd, readable)
	}
	p.Want(errno("enospc"), a, "watch", fds[16], readable)
	p.Want(ok, a, "watch", fds[3], pt.List{})
	p.Want(ok, a, "watch", fds[16], readable)
	p.Want(ok, a, "watch", fds[0], readable)
	p.Want(pt.Tuple{ok, 1}, a, "write", fds[0], pt.Binary("x"))
	got := map[int]bool{}
	for range 16 {
		m := p.Receive("ready", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
		got[m.Term().(pt.Tuple)[1].(int)] = true
	}
	if len(got) != 16 || got[fds[3]] {
		t.Errorf("%d are ready: %v", len(got), got)
	}
	p.Want(a.Pid(), a, "getpid")
}

// The loop waits for what is watched with the system calls that it makes anyway, with few children
// and with many.
func TestProcessWithManyChildrenWatchesDescriptors(t *testing.T) {
	p := pt.Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", pt.Binary(fifo), 0o600)
	fd := open(p, nil, fifo, pt.Atom("o_rdwr"))
	for range 20 {
		p.Want(ok, nil, "watch", fd, pt.List{pt.Atom("readable")})
		a := p.Fork(nil)
		p.Want(pt.Tuple{ok, 1}, nil, "write", fd, pt.Binary("x"))
		p.Await(ready(nil, fd, pt.Atom("readable")))
		p.Want(pt.Tuple{ok, pt.Binary("x")}, nil, "read", fd, 10)
		p.Want(a.Pid(), a, "getpid")
	}
}
