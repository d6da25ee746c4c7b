package test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

// background is a process that a program has left behind, in a session of its own, with the
// program's output. It does nothing until it is told, and then writes to both streams.
type background struct {
	t    *testing.T
	gate string
}

// leave has a child execute a program that leaves a process behind and ends.
func leave(t *testing.T, p *Port, a Pipeline) background {
	t.Helper()
	Tool(t, "setsid")
	b := background{t, filepath.Join(t.TempDir(), "gate")}
	if err := syscall.Mkfifo(b.gate, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Sh(a, "setsid sh -c 'trap \"\" PIPE; echo ready; read x <"+b.gate+"; (echo late) 2>/dev/null; echo late >&2' & read x; exit 3")
	p.Await(Stdout(a, "ready\n")) // the session is its own by now
	p.Stdin(a, "\n")
	p.Await(ExitStatus(a, 3))
	return b
}

// write lets the process write.
func (b background) write() {
	b.t.Helper()
	if err := os.WriteFile(b.gate, []byte("go\n"), 0); err != nil {
		b.t.Fatal(err)
	}
}

// bettered: D19 a program that has ended is no child any more; what it left behind goes on
// under its pid.
func TestLeftoverIsNoChildAndGoesOn(t *testing.T) {
	p := Start(t)
	inEach(t, p, func(t *testing.T, p *Port, to Pipeline) {
		reportClosed(p, to)
		a := p.Fork(to)
		b := leave(t, p, a)
		p.Want(List{}, to, "cpid")
		p.Queue()
		p.Stdin(a, "x")
		p.Next(Ctl(a, "badpid"))
		p.Want(true, to, "setcpid", a.Pid(), Atom("signaloneof"), 9)
		b.write()
		p.Await(Stdout(a, "late\n"))
		p.Await(Stderr(a, "late\n"))
		p.Await(Ctl(a, "stdout_closed"))
		p.Await(Ctl(a, "stderr_closed"))
		p.Quiet(to)
	})
}

// Credit can be given by the pid of a program that has ended.
func TestFlowControlReachesALeftoverByItsPid(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	b := leave(t, p, a)
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 0)
	b.write()
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), Atom("flowcontrol"), 2)
	p.Await(Stdout(a, "late\n"))
	p.Await(Stderr(a, "late\n"))
	p.Quiet()
}

// Numbers that cpid gave while the program ran close its leftover, and nothing else.
func TestClosingANumberOfALeftoverClosesThatStreamOnly(t *testing.T) {
	p := Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	s, other := slotOf(t, p, a), slotOf(t, p, b)
	left, second := leave(t, p, a), leave(t, p, b)
	p.Want(ok, nil, "close", s.Stdout)
	p.Want(errno("ebadf"), nil, "close", s.Stdout)
	p.Want(errno("ebadf"), nil, "close", s.Stdin)
	left.write()
	p.Receive("what the other stream says", func(m Message) bool { return m.Is(TypeStderr, a) })
	second.write()
	p.Await(Stdout(b, "late\n"))
	p.Await(Stderr(b, "late\n"))
	Until(t, "the streams are closed", func() bool { return len(FDs(p.Pid)) == 6 })
	p.Want(errno("ebadf"), nil, "close", other.Stdout)
	p.Quiet()
}

// However many programs have ended and left a process behind, forks go on. There are as
// many leftovers as children may be, the latest.
func TestLeftoversMakeRoomTheOldestFirst(t *testing.T) {
	const most = 3
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("maxchild"), most)
	var all []Pipeline
	var left []background
	for range 2 * most {
		a := p.Fork(nil)
		all, left = append(all, a), append(left, leave(t, p, a))
	}
	if n := len(FDs(p.Pid)); n != 6+2*most {
		t.Errorf("%d descriptors, want 6 and 2 for each of %d leftovers: %v", n, most, FDs(p.Pid))
	}
	// Fewer children, fewer leftovers.
	p.Want(true, nil, "setopt", Atom("maxchild"), most-1)
	p.Quiet()
	if n := len(FDs(p.Pid)); n != 6+2*(most-1) {
		t.Errorf("%d descriptors, want 6 and 2 for each of %d leftovers: %v", n, most-1, FDs(p.Pid))
	}
	for i, b := range left {
		b.write()
		if i >= len(left)-(most-1) {
			p.Await(Stdout(all[i], "late\n"))
			p.Await(Stderr(all[i], "late\n"))
		}
	}
	Until(t, "the streams are closed", func() bool { return len(FDs(p.Pid)) == 6 })
	p.Quiet()
}

// A leftover gives its descriptors where there would be none for a child.
func TestLeftoversGiveTheirDescriptorsToNewChildren(t *testing.T) {
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("maxchild"), 2)
	for range 3 {
		defer leave(t, p, p.Fork(nil)).write()
	}
	p.Want(ok, nil, "setrlimit", Atom("rlimit_nofile"), rlimit(18, 1000)) // 6 and 2 times 6
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	b := p.Fork(nil)
	p.Want(b.Pid(), b, "getpid")
	for _, l := range []Pipeline{a, b} {
		if n := len(FDs(l.Pid())); n != 6 {
			t.Errorf("descriptors of a new child: %v", FDs(l.Pid()))
		}
	}
}

// bettered: a pid that is used again: nothing is delivered in another's name.
func TestChildWithThePidOfAnEndedOneIsServedAndNobodySpeaksForIt(t *testing.T) {
	Need(t, "CAP_SYS_ADMIN", 21)
	p := Start(t)
	first := p.Clone(nil, "clone_newpid") // process 1, with pids of its own
	a := p.Fork(first)
	b := leave(t, p, a)
	p.Want(List{}, first, "cpid")
	again := forkWithPid(t, p, first, a.Pid())
	p.Want(again.Pid(), again, "getpid")
	b.write() // nobody hears it
	p.Sh(again, "cat; exit 7")
	p.Stdin(again, "new\n")
	p.Next(Stdout(again, "new\n"))
	endOfFile(t, p, again)
	p.Await(ExitStatus(again, 7))
	p.Quiet(first)
	p.Want(List{}, first, "cpid")
}

// forkWithPid forks a child that gets the given pid, which must be free, in the pid
// namespace of the process at to.
func forkWithPid(t *testing.T, p *Port, to Pipeline, pid int) Pipeline {
	Linux(t, "/proc")
	t.Helper()
	fd := p.Int(to, "open", Binary("/proc/sys/kernel/ns_last_pid"), List{Atom("o_wronly"), Atom("o_cloexec")}, 0)
	p.Want(okTuple(len(Itoa(pid-1))), to, "write", fd, Binary(Itoa(pid-1)))
	p.Want(ok, to, "close", fd)
	a := p.Fork(to)
	if a.Pid() != pid {
		t.Fatalf("the kernel gave pid %d, want %d", a.Pid(), pid)
	}
	return a
}
