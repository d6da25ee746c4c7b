// SPDX-License-Identifier: ISC

package test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// background is a process that a program has left behind, in a session of its own, with the
// program's output. It does nothing until it is told, and then writes to both streams.
type background struct {
	t    *testing.T
	gate string
}

// leave has a child execute a program that leaves a process behind and ends.
func leave(t *testing.T, p *pt.Port, a pt.Pipeline) background {
	t.Helper()
	pt.Tool(t, "setsid")
	b := background{t, filepath.Join(t.TempDir(), "gate")}
	if err := syscall.Mkfifo(b.gate, 0o600); err != nil {
		t.Fatal(err)
	}
	p.Sh(a, "setsid sh -c 'trap \"\" PIPE; echo ready; read x <"+b.gate+"; (echo late) 2>/dev/null; echo late >&2' & read x; exit 3")
	p.Await(pt.Stdout(a, "ready\n")) // the session is its own by now
	p.Stdin(a, "\n")
	p.Await(pt.ExitStatus(a, 3))
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
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		reportClosed(p, to)
		a := p.Fork(to)
		b := leave(t, p, a)
		p.Want(pt.List{}, to, "cpid")
		p.Queue()
		p.Stdin(a, "x")
		p.Next(pt.Ctl(a, "badpid"))
		p.Want(true, to, "setcpid", a.Pid(), pt.Atom("signaloneof"), 9)
		b.write()
		p.Await(pt.Stdout(a, "late\n"))
		p.Await(pt.Stderr(a, "late\n"))
		p.Await(pt.Ctl(a, "stdout_closed"))
		p.Await(pt.Ctl(a, "stderr_closed"))
		p.Quiet(to)
	})
}

// Credit can be given by the pid of a program that has ended.
func TestFlowControlReachesALeftoverByItsPid(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	b := leave(t, p, a)
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 0)
	b.write()
	p.Quiet()
	p.Want(true, nil, "setcpid", a.Pid(), pt.Atom("flowcontrol"), 2)
	p.Await(pt.Stdout(a, "late\n"))
	p.Await(pt.Stderr(a, "late\n"))
	p.Quiet()
}

// Numbers that cpid gave while the program ran close its leftover, and nothing else.
func TestClosingANumberOfALeftoverClosesThatStreamOnly(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	s, other := slotOf(t, p, a), slotOf(t, p, b)
	left, second := leave(t, p, a), leave(t, p, b)
	p.Want(ok, nil, "close", s.Stdout)
	p.Want(errno("ebadf"), nil, "close", s.Stdout)
	p.Want(errno("ebadf"), nil, "close", s.Stdin)
	left.write()
	p.Receive("what the other stream says", func(m pt.Message) bool { return m.Is(pt.TypeStderr, a) })
	second.write()
	p.Await(pt.Stdout(b, "late\n"))
	p.Await(pt.Stderr(b, "late\n"))
	pt.Until(t, "the streams are closed", func() bool { return len(pt.FDs(p.Pid)) == 6 })
	p.Want(errno("ebadf"), nil, "close", other.Stdout)
	p.Quiet()
}

// However many programs have ended and left a process behind, forks go on. There are as
// many leftovers as children may be, the latest.
func TestLeftoversMakeRoomTheOldestFirst(t *testing.T) {
	const most = 3
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), most)
	var all []pt.Pipeline
	var left []background
	for range 2 * most {
		a := p.Fork(nil)
		all, left = append(all, a), append(left, leave(t, p, a))
	}
	if n := len(pt.FDs(p.Pid)); n != 6+2*most {
		t.Errorf("%d descriptors, want 6 and 2 for each of %d leftovers: %v", n, most, pt.FDs(p.Pid))
	}
	// Fewer children, fewer leftovers.
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), most-1)
	p.Quiet()
	if n := len(pt.FDs(p.Pid)); n != 6+2*(most-1) {
		t.Errorf("%d descriptors, want 6 and 2 for each of %d leftovers: %v", n, most-1, pt.FDs(p.Pid))
	}
	for i, b := range left {
		b.write()
		if i >= len(left)-(most-1) {
			p.Await(pt.Stdout(all[i], "late\n"))
			p.Await(pt.Stderr(all[i], "late\n"))
		}
	}
	pt.Until(t, "the streams are closed", func() bool { return len(pt.FDs(p.Pid)) == 6 })
	p.Quiet()
}

// A leftover gives its descriptors where there would be none for a child.
func TestLeftoversGiveTheirDescriptorsToNewChildren(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("maxchild"), 2)
	for range 3 {
		defer leave(t, p, p.Fork(nil)).write()
	}
	p.Want(ok, nil, "setrlimit", pt.Atom("rlimit_nofile"), rlimit(18, 1000)) // 6 and 2 times 6
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	b := p.Fork(nil)
	p.Want(b.Pid(), b, "getpid")
	for _, l := range []pt.Pipeline{a, b} {
		if n := len(pt.FDs(l.Pid())); n != 6 {
			t.Errorf("descriptors of a new child: %v", pt.FDs(l.Pid()))
		}
	}
}

// bettered: a pid that is used again: nothing is delivered in another's name.
func TestChildWithThePidOfAnEndedOneIsServedAndNobodySpeaksForIt(t *testing.T) {
	pt.Need(t, "CAP_SYS_ADMIN", 21)
	p := pt.Start(t)
	first := p.Clone(nil, "clone_newpid") // process 1, with pids of its own
	a := p.Fork(first)
	b := leave(t, p, a)
	p.Want(pt.List{}, first, "cpid")
	again := forkWithPid(t, p, first, a.Pid())
	p.Want(again.Pid(), again, "getpid")
	b.write() // nobody hears it
	p.Sh(again, "cat; exit 7")
	p.Stdin(again, "new\n")
	p.Next(pt.Stdout(again, "new\n"))
	endOfFile(t, p, again)
	p.Await(pt.ExitStatus(again, 7))
	p.Quiet(first)
	p.Want(pt.List{}, first, "cpid")
}

// forkWithPid forks a child that gets the given pid, which must be free, in the pid
// namespace of the process at to.
func forkWithPid(t *testing.T, p *pt.Port, to pt.Pipeline, pid int) pt.Pipeline {
	pt.Linux(t, "/proc")
	t.Helper()
	fd := p.Int(to, "open", pt.Binary("/proc/sys/kernel/ns_last_pid"), pt.List{pt.Atom("o_wronly"), pt.Atom("o_cloexec")}, 0)
	p.Want(okTuple(len(pt.Itoa(pid-1))), to, "write", fd, pt.Binary(pt.Itoa(pid-1)))
	p.Want(ok, to, "close", fd)
	a := p.Fork(to)
	if a.Pid() != pid {
		t.Fatalf("the kernel gave pid %d, want %d", a.Pid(), pid)
	}
	return a
}
