package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

var extensionCalls = map[string]call{
	"syscall": {args: []argument{arg(trapKind, Atom("sys_getpid")), arg(kind{"empty tuple": accepted, "tuple": accepted,
		"large tuple": accepted}, Tuple{})}, valid: validSyscall},
	"batch":    {args: []argument{arg(kind{"nil": accepted, "list of tuples": accepted}, List{})}, valid: validBatch},
	"watch":    {args: []argument{arg(intKind, -1), arg(kind{"nil": accepted}, List{})}, valid: validWatch},
	"getdents": {args: []argument{arg(intKind, -1)}, valid: validGetdents},
}

// trapKind: a number that is none of a system call is einval; 0 and 3 are such.
var trapKind = merge(unknownName, anyBigs, kind{"negative": errno("einval"), "least int": errno("einval"),
	"below int": errno("einval"), "above int": errno("einval"), "above uint": errno("einval"),
	"negative small big": errno("einval")})

// validSyscall: see calls/syscall_test.go for all that is refused. Here is what concerns a process that serves.
func validSyscall(c *caller) {
	pid := c.to.Pid()
	c.want(Tuple{ok, pid, Tuple{}}, Atom("sys_getpid"), Tuple{})
	b := c.fork()
	s := slotOf(c.t, c.Port, b.to)
	einval := errno("einval")
	for _, fd := range []int{0, 1, 2, 3, 4, 5, s.Control, s.Stdin, s.Stdout, s.Stderr} {
		c.want(einval, Atom("sys_close"), Tuple{fd})
		c.want(einval, Atom("sys_dup3"), Tuple{100, fd, 0})
		c.want(einval, Atom("sys_close_range"), Tuple{fd, fd, 0})
		c.want(einval, Atom("sys_fcntl"), Tuple{fd, 1, 0})
		if fd != 2 {
			c.want(einval, Atom("sys_write"), Tuple{fd, Binary("x"), 1})
		}
	}
	c.want(einval, Atom("sys_close_range"), Tuple{6, 1<<32 - 1, 0})
	// A descriptor that is nobody's is.
	null := c.Int(c.to, "open", Binary("/dev/null"), List{Atom("o_rdwr")}, 0)
	c.want(Tuple{ok, 0, Tuple{null}}, Atom("sys_close"), Tuple{null})
	b.also(b.to.Pid(), "getpid")
	// What a call of the hundred cannot say.
	reply, _ := c.Call(c.to, c.name, Atom("sys_memfd_create"), Tuple{Binary("x\x00"), Atom("mfd_cloexec")}).(Tuple)
	if len(reply) != 3 || reply[0] != Atom("ok") || Format(reply[2]) != Format(Tuple{Binary("x\x00"), 1}) {
		c.t.Errorf("memfd_create: %s", Format(reply))
	}
	// A filter that is installed so is noted: the loop goes on with what filters allow.
	d := c.fork()
	d.also(Tuple{ok, 0, 1, 0, 0, 0}, "prctl", Atom("pr_set_no_new_privs"), 1, 0, 0, 0)
	allow := Binary("\x06\x00\x00\x00\x00\x00\xff\x7f")
	program := List{Binary("\x01\x00\x00\x00\x00\x00\x00\x00"), Tuple{Atom("ptr"), allow}}
	d.want(Tuple{ok, 0, Tuple{1, 0, program}}, Atom("sys_seccomp"), Tuple{Atom("seccomp_set_mode_filter"), 0, program})
	d.also(d.to.Pid(), "getpid")
}

// extend has the process, and those that it forks from now on, answer the calls that the C port does not have.
func extend(p *Port, to Pipeline) { p.Want(true, to, "setopt", Atom("extensions"), 1) }

// A client that knows the hundred calls sees none but an option that it does not know.
func TestExtensionsAreUndefUntilSomebodyAsksForThem(t *testing.T) {
	p := Start(t)
	for _, name := range Extensions() {
		p.Want(undef, nil, name)
		p.Write(RawCallFrame(nil, Number(name), []byte("x")))
		p.Next(Reply(nil, undef))
	}
}

func TestExtensionsAreInheritedAndTakenAwayForGood(t *testing.T) {
	p := Start(t)
	there := p.Int(nil, "getopt", Atom("extensions"))
	before := p.Fork(nil)
	extend(p, nil)
	after := p.Fork(nil)
	p.Want(undef, before, "getdents", -1)
	p.Want(errno("ebadf"), after, "getdents", -1)
	p.Want(true, after, "setopt", Atom("extensions"), 0)
	p.Want(undef, after, "getdents", -1)
	below := p.Fork(after)
	for _, to := range []Pipeline{after, below} {
		p.Want(0, to, "getopt", Atom("extensions"))
		p.Want(false, to, "setopt", Atom("extensions"), 1)
		p.Want(undef, to, "getdents", -1)
	}
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(there, nil, "getopt", Atom("extensions"))
}

// A map of calls without bits for the extensions was made by somebody who does not know them.
func TestShortFilterOfProcessesForkedLaterBlocksExtensions(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	p.Want(ok, nil, "filter", Binary(""), Binary("\x00"))
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(undef, p.Fork(nil), "getdents", -1)
}

// of is a call in a batch.
func of(name string, args ...Term) Term { return Tuple{Number(name), append(Tuple{}, args...)} }

func validBatch(c *caller) {
	c.want(Tuple{ok, List{}}, List{})
	c.want(Tuple{ok, List{c.to.Pid(), Binary("1.0.1")}}, List{of("getpid"), of("version")})
	c.want(Tuple{Atom("error"), 2, List{ok, errno("enoent")}},
		List{of("chdir", Binary("/")), of("chdir", Binary("no such folder")), of("exit", 1)})
	// The child that is forked in the middle does nothing of the rest.
	reply := c.OK(c.to, c.name, List{of("fork"), of("setenv", Binary("A"), Binary("1"), 1)}).(List)
	b := c.in(c.to.Then(reply[0].(Tuple)[1].(int)))
	b.also(b.to.Pid(), "getpid")
	b.also(false, "getenv", Binary("A"))
	c.also(Binary("1"), "getenv", Binary("A"))
	// Data behind a batch is for the child, whether the batch could have executed a program or not.
	b.Send(b.to, c.name, List{of("getpid")})
	b.Send(b.to, "getuid")
	b.Reply(b.to, c.name)
	b.Reply(b.to, "getuid")
}

// As behind an exec call, what follows is input of the program.
func TestProgramIsExecutedByTheLastCallOfABatch(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	cat := func(path string) Term {
		return List{of("setenv", Binary("A"), Binary("1"), 1), of("execvp", Binary(path), argv("cat"))}
	}
	p.Write(append(CallFrame(a, "batch", cat("no-such-program")), CallFrame(a, "version")...))
	p.Next(Reply(a, Tuple{Atom("error"), 2, List{ok, errno("enoent")}}), Reply(a, Binary("1.0.1")))
	p.Write(append(CallFrame(a, "batch", cat("cat")), StdinFrame(a, []byte("hello\n"))...))
	p.Await(Ctl(a, "fdctl_closed"))
	p.Await(Stdout(a, "hello\n"))
}

func TestBatchEndsTheProcessWithItsLastCall(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	p.Send(a, "batch", List{of("setenv", Binary("A"), Binary("1"), 1), of("exit", 7)})
	p.Await(Ctl(a, "fdctl_closed"))
	p.Await(ExitStatus(a, 7))
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
	c.also(errno("emsgsize"), "readdir", Binary(dir))
	fd := c.Int(c.to, "open", Binary(dir), List{Atom("o_rdonly"), Atom("o_directory"), Atom("o_cloexec")}, 0)
	var got []string
	for {
		names, more := c.OK(c.to, c.name, fd).(Chained)
		if !more {
			break
		}
		for _, n := range names {
			if n != Binary(".") && n != Binary("..") {
				got = append(got, string(n.(Binary)))
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

func ready(from Pipeline, fd int, what ...Term) Message {
	return Event(from, Tuple{Atom("ready"), fd, Chained(what)})
}

func validWatch(c *caller) {
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", Binary(fifo), 0o600)
	open := func(flag Atom) int {
		return c.Int(c.to, "open", Binary(fifo), List{flag, Atom("o_nonblock"), Atom("o_cloexec")}, 0)
	}
	in := open("o_rdonly")
	out := open("o_wronly")
	readable, writable := List{Atom("readable")}, List{Atom("writable")}
	c.want(ok, in, readable)
	c.also(c.to.Pid(), "getpid")
	c.also(Tuple{ok, 1}, "write", out, Binary("x"))
	c.Await(ready(c.to, in, Atom("readable")))
	// Once, until it is asked for again.
	c.also(Tuple{ok, 1}, "write", out, Binary("x"))
	c.also(c.to.Pid(), "getpid")
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, Atom("readable")))
	c.want(ok, out, List{Atom("writable"), Atom("readable")})
	c.Await(ready(c.to, out, Atom("writable")))
	// Not any more; another one instead; in a child not at all.
	c.also(Tuple{ok, Binary("xx")}, "read", in, 100)
	c.want(ok, in, readable)
	c.want(ok, in, List{})
	c.want(ok, in, List{})
	c.want(ok, in, readable)
	b := c.fork()
	c.also(Tuple{ok, 1}, "write", out, Binary("x"))
	c.Await(ready(c.to, in, Atom("readable")))
	b.also(b.to.Pid(), "getpid")
	c.Stop(b.to)
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, Atom("readable")))
	c.also(Tuple{ok, Binary("x")}, "read", in, 100)
	c.want(ok, in, readable)
	c.also(ok, "close", out)
	c.Await(ready(c.to, in, Atom("hangup")))
	c.want(badarg, in, List{Atom("readable"), Atom("zip")})
	c.want(badarg, in, Atom("readable"))
	c.want(errno("ebadf"), -1, writable)
	c.also(ok, "close", in)
	c.want(ok, in, readable)
	c.Await(ready(c.to, in, Atom("closed")))
}

func TestDescriptorThatIsClosedWhileItIsWatchedIsAnEvent(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", Binary(fifo), 0o600)
	fd := open(p, nil, fifo, Atom("o_rdwr"))
	p.Want(ok, nil, "watch", fd, List{Atom("readable")})
	p.Want(ok, nil, "close", fd)
	p.Await(ready(nil, fd, Atom("closed")))
	p.Want(p.Pid, nil, "getpid")
}

func TestProcessUnderTheFilterOfTheFieldWatchesDescriptors(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", Binary(fifo), 0o600)
	a := p.Fork(nil)
	fd := open(p, a, fifo, Atom("o_rdwr"))
	p.Want(ok, a, "watch", fd, List{Atom("readable")})
	lockDown(p, a)
	for range 10 {
		p.Want(Tuple{ok, 1}, a, "write", fd, Binary("x"))
		p.Await(ready(a, fd, Atom("readable")))
		p.Want(ok, a, "watch", fd, List{Atom("readable")})
		p.Await(ready(a, fd, Atom("readable")))
		p.Want(Tuple{ok, Binary("x")}, a, "read", fd, 10)
		p.Want(ok, a, "watch", fd, List{Atom("readable")})
	}
}

func TestNoMoreThan16DescriptorsAreWatched(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	a := p.Fork(nil)
	var fds []int
	for range 17 {
		fds = append(fds, open(p, a, "/dev/null", Atom("o_rdonly")))
	}
	dir := t.TempDir()
	p.Want(ok, a, "mkfifo", Binary(filepath.Join(dir, "fifo")), 0o600)
	for i := range fds { // in place of files, which are always ready
		p.Want(ok, a, "close", fds[i])
		fds[i] = open(p, a, filepath.Join(dir, "fifo"), Atom("o_rdwr"))
	}
	readable := List{Atom("readable")}
	for _, fd := range fds[:16] {
		p.Want(ok, a, "watch", fd, readable)
	}
	p.Want(errno("enospc"), a, "watch", fds[16], readable)
	p.Want(ok, a, "watch", fds[3], List{})
	p.Want(ok, a, "watch", fds[16], readable)
	p.Want(ok, a, "watch", fds[0], readable)
	p.Want(Tuple{ok, 1}, a, "write", fds[0], Binary("x"))
	got := map[int]bool{}
	for range 16 {
		m := p.Receive("ready", func(m Message) bool { return m.Is(TypeEvent, a) })
		got[m.Term().(Tuple)[1].(int)] = true
	}
	if len(got) != 16 || got[fds[3]] {
		t.Errorf("%d are ready: %v", len(got), got)
	}
	p.Want(a.Pid(), a, "getpid")
}

// The loop waits for what is watched with the system calls that it makes anyway, with few children and with many.
func TestProcessWithManyChildrenWatchesDescriptors(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, nil, "mkfifo", Binary(fifo), 0o600)
	fd := open(p, nil, fifo, Atom("o_rdwr"))
	for range 20 {
		p.Want(ok, nil, "watch", fd, List{Atom("readable")})
		a := p.Fork(nil)
		p.Want(Tuple{ok, 1}, nil, "write", fd, Binary("x"))
		p.Await(ready(nil, fd, Atom("readable")))
		p.Want(Tuple{ok, Binary("x")}, nil, "read", fd, 10)
		p.Want(a.Pid(), a, "getpid")
	}
}
