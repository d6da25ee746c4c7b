// SPDX-License-Identifier: ISC

package test

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// Whatever runs out is an error reply, and the process goes on.

func TestEveryDescriptorLimitGivesErrorsAndNeverADeath(t *testing.T) {
	for limit := 8; limit <= 80; limit++ {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			p := pt.Start(t, pt.Shell(fmt.Sprint("ulimit -n ", limit)))
			p.Want(min(64, (limit-6)/6), nil, "getopt", pt.Atom("maxchild"))
			// Children until there is no more, with a few files in the way of them.
			for range limit % 7 {
				p.Call(nil, "open", pt.Binary("/dev/null"), pt.List{}, 0)
			}
			children := forkUntilError(t, p, nil)
			for _, a := range children {
				p.Want(a.Pid(), a, "getpid")
			}
			files := openUntilError(t, p, nil)
			if len(children) > 0 {
				a := children[len(children)-1]
				for _, b := range forkUntilError(t, p, a) {
					p.Want(b.Pid(), b, "getpid")
				}
				openUntilError(t, p, a)
				p.Want(a.Pid(), a, "getpid")
				p.Want(errno("enoent"), a, "execvp", pt.Binary("/no/such/program"), argv("x"))
				p.SendExec(a, "echo", "out")
				p.Await(pt.Ctl(a, "fdctl_closed"))
				p.Await(pt.Stdout(a, "out\n"))
				p.Await(pt.ExitStatus(a, 0))
			}
			for _, fd := range files {
				p.Want(ok, nil, "close", fd)
			}
			p.Want(p.Pid, nil, "getpid")
			p.Quiet()
		})
	}
}

func forkUntilError(t *testing.T, p *pt.Port, to pt.Pipeline) []pt.Pipeline {
	t.Helper()
	var children []pt.Pipeline
	for {
		r, _ := p.Call(to, "fork").(pt.Tuple)
		if r[0] != ok {
			if e := pt.Format(r); e != "{error,emfile}" && e != "{error,eagain}" {
				t.Errorf("fork: %s", e)
			}
			return children
		}
		pid, _ := r[1].(int)
		children = append(children, to.Then(pid))
	}
}

func openUntilError(t *testing.T, p *pt.Port, to pt.Pipeline) []int {
	t.Helper()
	var files []int
	for {
		r, _ := p.Call(to, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_cloexec")}, 0).(pt.Tuple)
		if r[0] != ok {
			if e := pt.Format(r); e != "{error,emfile}" {
				t.Errorf("open: %s", e)
			}
			return files
		}
		fd, _ := r[1].(int)
		files = append(files, fd)
	}
}

// poll(2) refuses a list that is longer than the limit on open files; the slots of children that
// are gone count in it.
func TestDescriptorLimitMayBeLoweredWithAChildInAHighSlot(t *testing.T) {
	p := pt.Start(t)
	var files []int
	for range 100 {
		files = append(files, p.Int(nil, "open", pt.Binary("/dev/null"), pt.List{}, 0))
	}
	var children []pt.Pipeline
	for range 12 {
		children = append(children, p.Fork(nil))
	}
	for _, fd := range files {
		p.Want(ok, nil, "close", fd)
	}
	a := p.Fork(nil) // with the descriptors that have become free
	for _, b := range children {
		p.Stop(b)
	}
	s := slotOf(t, p, a)
	soft := max(s.Control, s.Stdin, s.Stdout, s.Stderr, 12) + 1
	p.Want(ok, nil, "setrlimit", pt.Atom("rlimit_nofile"), rlimit(soft, 1000))
	p.Want(p.Pid, nil, "getpid")
	p.Want(a.Pid(), a, "getpid")
}

func TestProcessLimitIsAnErrorReply(t *testing.T) {
	pt.Need(t, "CAP_SETUID", 7)
	p := pt.Start(t)
	a := p.Fork(nil)
	uid := stranger()
	p.Want(ok, a, "setresuid", uid, uid, uid)
	p.Want(ok, a, "setrlimit", pt.Atom("rlimit_nproc"), rlimit(5, 5))
	for range 3 {
		children := forkUntilError(t, p, a)
		if len(children) != 4 {
			t.Errorf("%d children with a limit of 5 processes", len(children))
		}
		for _, b := range children {
			p.Want(b.Pid(), b, "getpid")
			p.Want(errno("eagain"), b, "fork")
		}
		p.Want(errno("eagain"), a, "clone", 0)
		p.Sh(children[0], "echo out")
		p.Await(pt.Stdout(children[0], "out\n"))
		p.Await(pt.ExitStatus(children[0], 0))
		for _, b := range children[1:] {
			p.Stop(b)
		}
	}
}

func TestAddressSpaceLimitIsAnErrorReply(t *testing.T) {
	for depth := range 2 {
		p := pt.Start(t)
		testAddressSpaceLimit(t, p, p.Chain(depth))
	}
}

func testAddressSpaceLimit(t *testing.T, p *pt.Port, a pt.Pipeline) {
	pid := p.Int(a, "getpid")
	p.Want(ok, a, "setrlimit", pt.Atom("rlimit_as"), rlimit(4096, infinity))
	p.Want(ok, a, "setrlimit", pt.Atom("rlimit_data"), rlimit(4096, infinity))
	for i := range 2000 {
		switch r := pt.Format(p.Call(a, "setenv", pt.Binary(fmt.Sprint("NAME", i)), pt.Binary(pt.Bytes(3000)), 1)); r {
		case "ok", "{error,enomem}":
		default:
			t.Fatalf("setenv: %s", r)
		}
		p.Want(pid, a, "getpid")
	}
	p.Want(pt.Binary(pt.Bytes(60000)), a, "iolist_to_bin", pt.Binary(pt.Bytes(60000)))
	p.Want(errno("emsgsize"), a, "alloc", pt.List{ptr(65535)})
	switch r := pt.Format(p.Call(a, "environ")); r {
	case "{error,emsgsize}", "{error,enomem}":
	default:
		t.Errorf("environ: %.100s", r)
	}
	// A copy of the process needs address space for itself only.
	switch r, _ := p.Call(a, "fork").(pt.Tuple); r[0] {
	case ok:
		child, _ := r[1].(int)
		p.Want(child, a.Then(child), "getpid")
	default:
		if e := pt.Format(r); e != "{error,enomem}" {
			t.Errorf("fork: %s", e)
		}
	}
	// Kernels before 6.9 look at the size of the environment before they look for the program.
	switch r := pt.Format(p.Call(a, "execvp", pt.Binary("/no/such/program"), argv("x"))); r {
	case "{error,enoent}", "{error,e2big}":
	default:
		t.Errorf("execvp: %s", r)
	}
	p.Want(pid, a, "getpid")
}

// A client that is gone: the whole tree goes, with programs that lead sessions of their own.
func TestTreeIsGoneWhenItsClientIs(t *testing.T) {
	p := pt.Start(t, pt.AnyEnd())
	l := p.Chain(3)
	var pids []int
	for i := range 6 {
		a := p.Fork(l[:i%4])
		if i%2 == 0 {
			p.Want(okTuple(a.Pid()), a, "setsid")
		}
		p.Sh(a, "while :; do echo output; sleep 0.01; done")
		pids = append(pids, a.Pid())
	}
	p.CloseInput()
	p.CloseOutput()
	p.Exit()
	for _, pid := range append(pids, l...) {
		pt.Gone(t, pid)
	}
}

// A reader that does not read costs no memory, and loses nothing.
func TestOutputWaitsForASlowReader(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	l := p.Chain(3)
	p.Want(l.Pid(), l, "getpid")
	pids := append([]int{p.Pid}, l[:2]...)
	var before []int
	for _, pid := range pids {
		before = append(before, rss(t, pid))
	}
	p.Hold()
	const total = 50 << 20
	p.SendExec(l, "head", "-c", strconv.Itoa(total), "/dev/zero")
	pt.Until(t, "the port waits for its reader", func() bool {
		n := pt.SystemCall(p.Pid)
		return n == unix.SYS_WRITEV || n == unix.SYS_WRITE
	})
	pt.Until(t, "the program waits as well", func() bool { return pt.SystemCall(l.Pid()) == unix.SYS_WRITE })
	for i, pid := range pids {
		if grown := rss(t, pid) - before[i]; grown > 2000 {
			t.Errorf("process %d of the chain grew by %d KiB", i, grown)
		}
	}
	p.Release()
	p.Await(pt.Ctl(l, "fdctl_closed"))
	if n := len(p.Finish(l, pt.ExitStatus(l, 0))); n != total {
		t.Errorf("%d bytes of %d", n, total)
	}
	p.Quiet(nil, l.Parent())
}

// rss returns the resident memory of a process in KiB.
func rss(t testing.TB, pid int) int {
	pt.Linux(t, "/proc")
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSuffix(pt.Status(pid, "VmRSS"), " kB"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The counts of {pipe, N} and the sizes of what was taken whole add up to what the program got.
func TestBytesThatAProgramGetsAddUp(t *testing.T) {
	random := seeded(t)
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "wc", "-c")
	sum := 0
	for i := range 400 {
		if i%20 == 0 {
			p.Signal(a, syscall.SIGSTOP)
		}
		if i%20 == 10 {
			p.Signal(a, syscall.SIGCONT)
		}
		size := random.IntN(65528)
		if random.IntN(2) == 0 {
			size = random.IntN(100)
		}
		p.Stdin(a, pt.Bytes(size))
		p.Send(nil, "getuid")
		m := p.Any()
		if m.Is(pt.TypePipe, a) {
			n, _ := m.Term().(int)
			if n >= size {
				t.Errorf("of %d bytes {pipe, %d}", size, n)
			}
			sum += n
			m = p.Any()
		} else {
			sum += size
		}
		if !m.Is(pt.TypeCall, nil) {
			t.Fatalf("instead of a reply %v", m)
		}
	}
	p.Signal(a, syscall.SIGCONT)
	endOfFile(t, p, a)
	if got := strings.TrimSpace(p.Finish(a, pt.ExitStatus(a, 0))); got != strconv.Itoa(sum) {
		t.Errorf("the program got %s bytes, accounted for were %d", got, sum)
	}
}

// However reaping changes hands, every child is reported once: by waitpid or by an event.
func TestEveryChildIsReportedOnceHoweverItIsReaped(t *testing.T) {
	random := seeded(t)
	// Those that are killed may take their time. The usual limit on open files allows 169.
	p := pt.Start(t, pt.Args("-m", "150"))
	reports := map[int]int{}
	takenOver := false
	var live []pt.Pipeline
	old := func() pt.Atom {
		if takenOver {
			return "sig_info"
		}
		return "sig_dfl"
	}
	switchTo := func(over bool, handler pt.Atom) {
		p.Send(nil, "sigaction", pt.Atom("sigchld"), handler)
		p.Await(pt.Reply(nil, okTuple(old())))
		takenOver = over
	}
	collect := func() {
		for _, m := range p.Queue() {
			if m.Type == pt.TypeEvent && len(m.From) == 1 {
				reports[m.From.Pid()]++
			}
		}
	}
	waitpid := func() {
		p.Send(nil, "waitpid", -1, pt.List{pt.Atom("wnohang")})
		r, _ := p.Reply(nil, "waitpid").Term().(pt.Tuple)
		if len(r) == 4 && r[0] == ok {
			if pid, _ := r[1].(int); pid > 0 {
				reports[pid]++
			}
		}
	}
	var all []int
	for range 400 {
		switch n := random.IntN(10); {
		case n < 4 && len(live) < 20:
			a := p.Fork(nil)
			live, all = append(live, a), append(all, a.Pid())
			if random.IntN(3) == 0 {
				p.Send(nil, "ptrace", pt.Atom("ptrace_seize"), a.Pid(), 0, 0)
				p.Reply(nil, "ptrace")
			}
		case n < 7 && len(live) > 0:
			i := random.IntN(len(live))
			p.Signal(live[i], syscall.SIGKILL)
			live = slices.Delete(live, i, i+1)
		case n == 7:
			waitpid()
		case n == 8:
			switchTo(true, "sig_info")
		case n == 9:
			switchTo(false, []pt.Atom{"sig_dfl", "sig_ign"}[random.IntN(2)])
		}
		collect()
	}
	switchTo(false, "sig_dfl")
	for _, a := range append(live, p.Fork(nil)) {
		if !slices.Contains(all, a.Pid()) {
			all = append(all, a.Pid())
		}
		p.Signal(a, syscall.SIGKILL)
	}
	pt.Until(t, "every child has been reported", func() bool {
		p.Want(p.Pid, nil, "getpid")
		collect()
		return len(reports) >= len(all)
	})
	p.Quiet()
	for _, pid := range all {
		if reports[pid] != 1 {
			t.Errorf("child %d was reported %d times", pid, reports[pid])
		}
	}
	p.Want(pt.List{}, nil, "cpid")
	if z := pt.Zombies(p.Pid); len(z) > 0 {
		t.Errorf("zombies %v", z)
	}
}

// bettered: D22, D30 no process holds a pipe of another.
func TestNoProcessHoldsAPipeOfAnother(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	c, d := p.Fork(a), p.Fork(b)
	e := p.Fork(nil)
	p.Exec(e, "sleep", "1000")
	for _, l := range []pt.Pipeline{a, b, c, d} {
		p.Want(l.Pid(), l, "getpid")
	}
	holders := map[string][]int{}
	for _, pid := range []int{p.Pid, a.Pid(), b.Pid(), c.Pid(), d.Pid(), e.Pid()} {
		for _, target := range pt.FDs(pid) {
			if strings.HasPrefix(target, "pipe:") || strings.HasPrefix(target, "socket:") {
				holders[target] = append(holders[target], pid)
			}
		}
	}
	for _, l := range []pt.Pipeline{a, b, c, d, e} {
		parent := p.Pid
		if len(l) > 1 {
			parent = l.Parent().Pid()
		}
		for fd := range 3 {
			got := holders[pt.FDs(l.Pid())[fd]]
			slices.Sort(got)
			want := []int{parent, l.Pid()}
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("descriptor %d of %v is held by %v, want only %v", fd, l, got, want)
			}
		}
	}
}

// A stopped process keeps nobody else waiting, and what was sent to it arrives later.
func TestStoppedProcessDelaysOnlyItsOwnSubtree(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	c := p.Fork(a)
	p.Want(c.Pid(), c, "getpid")
	const large = 3
	for range 30 {
		p.Signal(a, syscall.SIGSTOP)
		pt.Until(t, "the process stops", func() bool { return pt.State(a.Pid()) == "T" })
		p.Send(c, "getpid")
		for range large { // more than its pipe holds, less than is held for it beside
			p.Send(a, "iolist_to_bin", pt.Binary(pt.Bytes(30000)))
		}
		p.Send(a, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Want(p.Pid, nil, "getpid")
		d := p.Fork(b)
		p.Want(d.Pid(), d, "getpid")
		p.Stop(d)
		p.Signal(a, syscall.SIGCONT)
		for range large {
			p.Await(pt.Reply(a, pt.Binary(pt.Bytes(30000))))
		}
		p.Await(pt.Reply(a, a.Pid()))
		p.Await(pt.Reply(c, c.Pid()))
		p.SignalOf(a, "sigcont")
	}
	p.Quiet(nil, a, b, c)
}

func TestRandomBytesEndAProcessAndNeverHangIt(t *testing.T) {
	random := seeded(t)
	for range 60 {
		p := pt.Start(t, pt.AnyEnd(), pt.Garbage(), pt.Talks())
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		garbage := make([]byte, random.IntN(3000))
		for i := range garbage {
			garbage[i] = byte(random.Uint32()) >> (random.Uint32() % 8)
		}
		// First in a child, which hurts nobody, then in the port.
		p.Write(pt.StdinFrame(a, garbage))
		p.Want(p.Pid, nil, "getpid")
		p.Write(garbage)
		p.CloseInput()
		if s := p.Exit(); s < 0 {
			t.Errorf("killed by signal %d after % x", -s, garbage)
		}
		if s := p.Stderr(); strings.Contains(s, "goroutine") {
			t.Fatalf("panic after % x:\n%s", garbage, s)
		}
		pt.Gone(t, a.Pid())
	}
}

// Calls with bodies of random bytes, and with one byte of a good body changed: a reply each,
// whatever it says.
func TestRandomBodiesAreAnswered(t *testing.T) {
	random := seeded(t)
	p := pt.Start(t)
	harmless := []string{"alloc", "chdir", "chmod", "environ", "errno_id", "fcntl_constant", "filter", "getenv", "getopt",
		"getpriority", "getrlimit", "ioctl", "iolist_to_bin", "mount", "open", "prctl", "ptrace", "readdir", "seccomp", "setcpid",
		"sethostname", "socket", "symlink", "unlink", "waitpid", "connect", "execve"}
	good := map[string][]byte{}
	for _, family := range []map[string]call{fileCalls, processCalls, execCalls, environmentCalls, identityCalls, limitCalls,
		namespaceCalls, deviceCalls, optionCalls, constantCalls} {
		for name, c := range family {
			good[name] = pt.EncodeCall(c.examples()...)
		}
	}
	a := p.Fork(nil)
	if os.Getuid() == 0 {
		p.Want(ok, a, "setuid", 54325) // a body may do this by chance
	}
	p.Want(ok, a, "chdir", pt.Binary("/"))
	const calls = 3000
	sent := 0
	for range calls {
		name := harmless[random.IntN(len(harmless))]
		body := slices.Clone(good[name])
		if random.IntN(4) == 0 {
			body = make([]byte, 1+random.IntN(40))
			for i := range body {
				body[i] = byte(random.Uint32())
			}
			body[0] = 131
		} else {
			for range 1 + random.IntN(3) {
				body[random.IntN(len(body))] = byte(random.Uint32())
			}
		}
		if name == "filter" && random.IntN(10) > 0 {
			continue // a filter stays
		}
		p.Write(pt.RawCallFrame(a, pt.Number(name), body))
		if m := p.Any(); !m.Is(pt.TypeCall, a) {
			t.Fatalf("%s % x: %v", name, body, m)
		}
		sent++
	}
	if sent < calls/2 {
		t.Errorf("only %d calls were sent", sent)
	}
	p.Quiet(nil)
}

// A program may make the pipes non-blocking that it shares with the port.
func TestNonBlockingDescriptorsLoseNothing(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for _, l := range []pt.Pipeline{nil, a} {
		for fd := range 3 {
			p.Want(okTuple(0), l, "fcntl", fd, pt.Atom("f_setfl"), unix.O_NONBLOCK)
		}
	}
	p.Hold()
	const calls = 200
	var batch []byte
	for range calls {
		batch = append(batch, pt.CallFrame(a, "getpid")...)
		batch = append(batch, pt.CallFrame(nil, "environ")...)
	}
	p.Write(batch)
	pt.Until(t, "the port waits for its reader", func() bool { return pt.State(p.Pid) == "S" })
	p.Release()
	for range calls {
		p.Await(pt.Reply(a, a.Pid()))
		p.Reply(nil, "environ")
	}
	p.Quiet(nil, a)
}

// What a child says is its own word: it cannot speak for a sibling or for its parent.
func TestFramesThatAChildForgesCarryItsPid(t *testing.T) {
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	stdout := openStdout(t, a)
	defer stdout.Close()
	forge := func(frame []byte, want pt.Message) {
		t.Helper()
		if _, err := stdout.Write(frame); err != nil {
			t.Fatal(err)
		}
		p.Next(want)
	}
	body := func(pid int, rest []byte) []byte {
		return append(binary.BigEndian.AppendUint32(nil, uint32(pid)), rest...)
	}
	forge(pt.Frame(pt.TypeCall, pt.Encode(ok)), pt.Reply(a, ok))
	forge(pt.Frame(pt.TypeProxy, body(b.Pid(), pt.Frame(pt.TypeCall, pt.Encode(ok)))), pt.Reply(a.Then(b.Pid()), ok))
	forge(pt.Frame(pt.TypeStdout, body(b.Pid(), []byte("out"))), pt.Stdout(a.Then(b.Pid()), "out"))
	forge(pt.Frame(pt.TypeProxy, body(p.Pid, pt.Frame(pt.TypeCtl, pt.Encode(pt.Atom("fdctl_closed"))))), pt.Ctl(a.Then(p.Pid), "fdctl_closed"))
	p.Quiet(nil, a, b)
}

// Whatever a child writes on its control socket, it harms nobody else.
func TestRandomBytesOnTheControlSocketHurtOnlyTheChild(t *testing.T) {
	random := seeded(t)
	p := pt.Start(t, pt.Garbage())
	b := p.Fork(nil)
	for range 100 {
		a := p.Fork(nil)
		data := make([]byte, 1+random.IntN(40))
		for i := range data {
			data[i] = byte(random.Uint32()) >> (random.Uint32() % 8)
		}
		p.Write(slices.Concat(pt.CallFrame(a, "getpid"), pt.CallFrame(a, "write", 5, pt.Binary(data)), pt.CallFrame(a, "getpid")))
		p.Want(p.Pid, nil, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Signal(a, syscall.SIGKILL)
		p.Receive("end of the child", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
		p.Queue()
	}
	p.Want(b.Pid(), b, "getpid")
	wantPids(t, p, nil, b)
}
