// SPDX-License-Identifier: ISC

package test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// One test for each defect of the C port, by its number in c_port.md. Other tests show, beside
// these or in their place:
//
//	D3  TestRepliesBeforeAnExecStayReplies
//	D5  TestOutputOfABackgroundProcessIsDelivered
//	D6  TestFloodOfSignalsEndsNoProcess
//	D10 TestLoweringMaxchildKeepsEveryChild
//	D17 TestOutputOfAChildThatWasWaitedForIsDelivered
//	D18 TestPausedProgramThatClosesItsOutputCostsNoTime
//	D19 TestAllOutputComesBeforeTheEndOfAProgramWithoutCredit
//	D21 TestPortThatExecutesItselfAgainWithDepthKeepsServing
//	D22 TestExecedProgramsHaveOnlyTheDescriptorsThatWereOpenedForThem
//	D23 TestAnyOfDescriptors0To5MayBeOpenOrClosedAtStart
//	D24 TestPortWithoutAReaderEndsAndSignalsItsPrograms
//	D26 TestDataForAChildThatIsReapedButHasOutputOpenIsBadpid
//	D27 TestOutputLeftInThePipesComesBeforeTheExitEvent
//	D29 TestEndOfInputDoesNotSignalAPidThatWasReaped
//	D30 TestLoweringMaxchildKeepsEveryChild

func TestD1PartialFrameOfAChildDelaysOnlyThatChild(t *testing.T) {
	t.Run("written by a call", func(t *testing.T) {
		p := pt.Start(t, pt.Garbage())
		a, b := p.Fork(nil), p.Fork(nil)
		p.Send(a, "write", 1, pt.Binary("\x00\x64"))
		p.Want(p.Pid, nil, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Signal(nil, syscall.SIGUSR1)
		p.SignalOf(nil, "sigusr1")
		if n := len(slots(t, p, nil)); n != 2 {
			t.Errorf("cpid lists %d children", n)
		}
		p.Signal(a, syscall.SIGKILL)
		p.Await(pt.TermSig(a, "sigkill"))
		p.Want(b.Pid(), b, "getpid")
	})
	const size = 60000
	t.Run("of a process stopped in the middle", func(t *testing.T) {
		p := pt.Start(t)
		a, b := p.Fork(nil), p.Fork(nil)
		cutReply(t, p, a, size)
		p.Signal(a, syscall.SIGSTOP)
		pt.Until(t, "the child stops", func() bool { return pt.State(a.Pid()) == "T" })
		p.Signal(nil, syscall.SIGCONT)
		p.SignalOf(nil, "sigcont")
		p.Want(p.Pid, nil, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Signal(a, syscall.SIGCONT)
		for range 2 {
			if m := p.Reply(a, "iolist_to_bin"); m.Term() != pt.Binary(pt.Bytes(size)) {
				t.Errorf("reply %v", m)
			}
		}
		p.SignalOf(a, "sigcont")
		p.Quiet(nil, a, b)
	})
	t.Run("of a process killed in the middle", func(t *testing.T) {
		p := pt.Start(t)
		a, b := p.Fork(nil), p.Fork(nil)
		cutReply(t, p, a, size)
		p.Signal(a, syscall.SIGKILL)
		// If there were room in the pipe first, it would write the rest before it dies.
		pt.Until(t, "the child is dead", func() bool { return pt.State(a.Pid()) == "Z" })
		p.Signal(nil, syscall.SIGCONT)
		p.SignalOf(nil, "sigcont")
		p.Await(pt.Reply(a, pt.Binary(pt.Bytes(size))))
		p.Next(pt.Ctl(a, "fdctl_closed"), pt.TermSig(a, "sigkill"))
		p.Want(b.Pid(), b, "getpid")
		p.Quiet(nil, b)
	})
}

// cutReply stops the port and has its child write two large replies: they do not fit in the pipe,
// and the second is cut.
func cutReply(t *testing.T, p *pt.Port, a pt.Pipeline, size int) {
	pt.Linux(t, "/proc")
	t.Helper()
	p.Want(a.Pid(), a, "getpid")
	p.Signal(nil, syscall.SIGSTOP)
	pt.Until(t, "the port stops", func() bool { return pt.State(p.Pid) == "T" })
	call := pt.CallFrame(nil, "iolist_to_bin", pt.Binary(pt.Bytes(size)))
	fd, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", a.Pid()), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fd.Close()
	if _, err := fd.Write(append(slices.Clone(call), call...)); err != nil {
		t.Fatal(err)
	}
	pt.Until(t, "the child waits for its parent", func() bool {
		n := pt.SystemCall(a.Pid())
		return n == unix.SYS_WRITEV || n == unix.SYS_WRITE
	})
}

func TestD2LengthFieldInTwoPiecesLosesNoReply(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(pt.Bytes(5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	// Replies of 4097 bytes: the pipe fills up with one byte of a frame on its last page.
	const replies = 200
	fd := p.Int(a, "open", pt.Binary(file), pt.List{pt.Atom("o_rdonly")}, 0)
	for _, size := range []int{4081, 4080, 4082, 4097 - 16} {
		calls := pt.CallFrame(nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, 50000))
		for range replies {
			calls = append(calls, pt.CallFrame(a, "lseek", fd, 0, 0)...)
			calls = append(calls, pt.CallFrame(a, "read", fd, size)...)
		}
		p.Write(calls)
		p.Await(pt.Reply(nil, okTuple(pt.List{}, pt.List{}, pt.List{})))
		for range replies {
			p.Next(pt.Reply(a, ok), pt.Reply(a, okTuple(pt.Binary(pt.Bytes(size)))))
		}
	}
	t.Run("byte by byte", func(t *testing.T) {
		p := p.With(t)
		p.Want(a.Pid(), a, "getpid")
		stdout := openStdout(t, a)
		defer stdout.Close()
		for i, b := range pt.Frame(pt.TypeCall, pt.Encode(pt.Binary("split"))) {
			if _, err := stdout.Write([]byte{b}); err != nil {
				t.Fatalf("byte %d: %v", i, err)
			}
			p.Want(p.Pid, nil, "getpid")
		}
		p.Next(pt.Reply(a, pt.Binary("split")))
		p.Want(a.Pid(), a, "getpid")
	})
}

// openStdout opens the pipe in which a child's replies go to its parent, to write into it what the
// child never would.
func openStdout(t testing.TB, a pt.Pipeline) *os.File {
	pt.Linux(t, "/proc")
	t.Helper()
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/1", a.Pid()), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestD3FramesOfAProcessThatIsGoneAreFrames(t *testing.T) {
	pt.Linux(t, "/proc")
	t.Run("killed with events on the way", func(t *testing.T) {
		for range 20 {
			p := pt.Start(t)
			b := p.Chain(2)
			a := b.Parent()
			p.Want(b.Pid(), b, "getpid")
			p.Signal(a, syscall.SIGSTOP)
			pt.Until(t, "the parent stops", func() bool { return pt.State(a.Pid()) == "T" })
			for range 5 {
				p.Signal(b, syscall.SIGUSR1)
				pt.Until(t, "the event is written", func() bool { return slices.Contains(pollCalls, pt.SystemCall(b.Pid())) })
			}
			p.Signal(b, syscall.SIGKILL)
			p.Signal(a, syscall.SIGCONT)
			p.SignalOf(b, "sigusr1")
			p.Await(pt.Ctl(b, "fdctl_closed"))
			p.Await(pt.TermSig(b, "sigkill"))
			for _, m := range p.Queue() {
				if m.Type != pt.TypeEvent {
					t.Errorf("unexpected %v", m)
				}
			}
		}
	})
	t.Run("that answered and ended at once", func(t *testing.T) {
		p := pt.Start(t)
		for i := range 50 {
			a := p.Fork(nil)
			var calls []byte
			for range 10 {
				calls = append(calls, pt.CallFrame(a, "getpid")...)
			}
			p.Write(append(calls, pt.CallFrame(a, "exit", i)...))
			for range 10 {
				p.Next(pt.Reply(a, a.Pid()))
			}
			p.Next(pt.Ctl(a, "fdctl_closed"), pt.ExitStatus(a, i))
		}
	})
}

func TestD4PtraceStopIsNotTakenForAnEnd(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	b := p.Fork(nil)
	p.Exec(b, "cat")
	for _, l := range []pt.Pipeline{a, b} {
		p.Want(okTuple(0, pt.Binary(""), pt.Binary("")), nil, "ptrace", pt.Atom("ptrace_attach"), l.Pid(), 0, 0)
		pt.Until(t, "the child stops", func() bool { return pt.State(l.Pid()) == "t" })
		p.Quiet()
		p.Want(okTuple(0, pt.Binary(""), pt.Binary("")), nil, "ptrace", pt.Atom("ptrace_detach"), l.Pid(), 0, 0)
	}
	p.Want(a.Pid(), a, "getpid")
	p.Stdin(b, "still here\n")
	p.Next(pt.Stdout(b, "still here\n"))
	endOfFile(t, p, b)
	p.Next(pt.ExitStatus(b, 0))
}

func TestD7DescriptorNumbersMayBeHigh(t *testing.T) {
	for _, c := range []struct{ maxchild, files int }{{1, 40}, {64, 400}} {
		p := pt.Start(t)
		p.Want(true, nil, "setopt", pt.Atom("maxchild"), c.maxchild)
		for range c.files {
			p.Int(nil, "open", pt.Binary("/dev/null"), pt.List{}, 0)
		}
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		p.Sh(a, "echo out; exit 3")
		p.Await(pt.Stdout(a, "out\n"))
		p.Await(pt.ExitStatus(a, 3))
	}
}

func TestD8ForkWithoutDescriptorsIsAnErrorAndNothingElse(t *testing.T) {
	p := pt.Start(t, pt.Shell("ulimit -S -n 64"))
	var files []int
	for {
		fd, _ := p.Call(nil, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_cloexec")}, 0).(pt.Tuple)
		if fd[0] != ok {
			break
		}
		n, _ := fd[1].(int)
		files = append(files, n)
	}
	before := pt.FDs(p.Pid)
	for free := range 9 {
		p.Want(errno("emfile"), nil, "fork")
		p.Want(errno("emfile"), nil, "clone", pt.List{pt.Atom("clone_newuts")})
		if now := pt.FDs(p.Pid); len(now) != len(before)-free {
			t.Errorf("with %d descriptors free a failed fork leaves %d, %d before", free, len(now), len(before)-free)
		}
		p.Want(p.Pid, nil, "getpid")
		if free < 7 {
			p.Want(ok, nil, "close", files[free])
			continue
		}
		break
	}
	p.Want(ok, nil, "close", files[7])
	p.Want(ok, nil, "close", files[8])
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
}

func TestD9FailedCloneAndForkLeaveNoDescriptor(t *testing.T) {
	p := pt.Start(t)
	before := len(pt.FDs(p.Pid))
	for range 20 {
		// A user namespace cannot share the file system attributes.
		p.Want(errno("einval"), nil, "clone", 0x10000000|0x200)
	}
	if now := len(pt.FDs(p.Pid)); now != before {
		t.Errorf("%d descriptors, %d before", now, before)
	}
	pt.Need(t, "CAP_SETUID", 7)
	a := p.Fork(nil)
	uid := stranger()
	p.Want(ok, a, "setresuid", uid, uid, uid)
	p.Want(ok, a, "setrlimit", pt.Atom("rlimit_nproc"), rlimit(1, 1))
	before = len(pt.FDs(a.Pid()))
	for range 20 {
		p.Want(errno("eagain"), a, "fork")
	}
	if now := len(pt.FDs(a.Pid())); now != before {
		t.Errorf("%d descriptors after failed forks, %d before", now, before)
	}
	p.Want(a.Pid(), a, "getpid")
}

func TestD11RepliesThatDoNotFitAreErrorsAndReadIsCut(t *testing.T) {
	p := pt.Start(t)
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(pt.Bytes(1<<20)), 0o600); err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for i := range 3000 {
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%025d", i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tooLarge := errno("emsgsize")
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		fd := p.Int(to, "open", pt.Binary(file), pt.List{pt.Atom("o_rdonly")}, 0)
		fits := 65535 - 8*(len(to)+1) - 12
		for _, count := range []pt.Term{65535, fits + 1, uint64(1<<64 - 1), fits} {
			p.Want(ok, to, "lseek", fd, 0, 0)
			p.Want(okTuple(pt.Binary(pt.Bytes(fits))), to, "read", fd, count)
		}
		p.Want(okTuple(pt.Binary(pt.Bytes(1 << 20)[fits:2*fits])), to, "read", fd, 65535)
		p.Want(tooLarge, to, "readdir", pt.Binary(folder))
		p.Want(tooLarge, to, "alloc", pt.List{pt.Tuple{pt.Atom("ptr"), 65535}})
		p.Want(tooLarge, to, "alloc", pt.List{pt.Binary(pt.Bytes(33000))})
		p.Want(tooLarge, to, "prctl", pt.Atom("pr_get_name"), pt.List{pt.Tuple{pt.Atom("ptr"), 65500}, pt.Binary(pt.Bytes(30))}, 0, 0, 0)
		p.Want(tooLarge, to, "ioctl", fd, pt.Atom("fionread"), pt.List{pt.Binary("1234"), pt.Tuple{pt.Atom("ptr"), 65525}})
		for i := range 20 {
			p.Want(ok, to, "setenv", pt.Binary(fmt.Sprint("BIG", i)), pt.Binary(pt.Bytes(4000)), 1)
		}
		p.Want(tooLarge, to, "environ")
		p.Want(ok, to, "setenv", pt.Binary("HUGE"), pt.Binary(pt.Bytes(65400-8*len(to))), 1)
		p.Want(ok, to, "clearenv")
		p.Want(p.Int(to, "getpid"), to, "getpid")
	})
}

func TestD12SigactionTellsErrors(t *testing.T) {
	p := pt.Start(t)
	for _, signal := range []pt.Term{pt.Atom("sigkill"), pt.Atom("sigstop"), 0, -1, 65, 100, 1 << 20} {
		for _, handler := range []pt.Term{pt.Atom("sig_ign"), pt.Atom("sig_info"), pt.Atom("sig_dfl")} {
			p.Want(errno("einval"), nil, "sigaction", signal, handler)
		}
	}
	p.Want(errno("einval"), nil, "sigaction", 0, pt.List{})
	p.Want(okTuple(pt.Atom("sig_info")), nil, "sigaction", 64, pt.Atom("sig_dfl"))
}

func TestD13FailingSelectTellsTheError(t *testing.T) {
	p := pt.Start(t)
	p.Want(errno("einval"), nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(-1, 0))
	p.Want(errno("einval"), nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, -1))
	// eintr: TestBlockingCallsAreInterruptedBySignals
}

func TestD14ListOfBytesIsAListOfIntegers(t *testing.T) {
	p := pt.Start(t)
	t.Run("select", func(t *testing.T) {
		p := p.With(t)
		var fd int
		for fd < 200 {
			fd = p.Int(nil, "open", pt.Binary("/dev/null"), pt.List{}, 0)
		}
		p.Want(okTuple(pt.List{fd}, pt.List{fd}, pt.List{}), nil, "select", pt.String([]byte{byte(fd)}), pt.String([]byte{byte(fd)}), pt.List{}, timeval(0, 0))
		p.Want(okTuple(pt.List{fd}, pt.Chained{4, fd}, pt.List{}), nil, "select", pt.String([]byte{byte(fd), byte(fd)}), pt.String([]byte{4, byte(fd)}), pt.List{}, timeval(0, 0))
	})
	t.Run("setgroups", func(t *testing.T) {
		pt.Need(t, "CAP_SETGID", 6)
		a := p.Fork(nil)
		p := p.With(t)
		p.Want(ok, a, "setgroups", pt.String("\xc8\x01"))
		p.Want(okTuple(pt.Chained{200, 1}), a, "getgroups") // the kernel sorts them
		p.Stop(a)
	})
	t.Run("flags", func(t *testing.T) {
		p := p.With(t)
		file := filepath.Join(t.TempDir(), "file")
		// 0x40 is O_CREAT, 0x80 O_EXCL; a zero byte ends nothing, and 0x80 has no sign.
		p.Int(nil, "open", pt.Binary(file), pt.String("\x00\x40\x80\x02"), 0o600)
		p.Want(errno("eexist"), nil, "open", pt.Binary(file), pt.String("\x00\x80\x40"), 0o600)
		p.Want(errno("enoent"), nil, "umount2", pt.Binary("/no/such/folder"), pt.String("\x00\x02"))
		p.Want(errno("einval"), nil, "umount2", pt.Binary("/"), pt.String("\x80"))
	})
}

func TestD15ArgumentsAfterAStructureKeepTheirPlaces(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	name := pt.List{pt.Binary("named"), pt.Binary("\x00")}
	p.Want(okTuple(0, name, 5, 6, 7), a, "prctl", pt.Atom("pr_set_name"), name, 5, 6, 7)
	// The second structure is the third argument of the kernel, not the fourth.
	p.Want(okTuple(0, pt.List{pt.Binary("named\x00")}, pt.List{pt.Binary("x"), pt.Tuple{pt.Atom("ptr"), pt.Binary("y")}}, 0, 7), a,
		"prctl", pt.Atom("pr_get_name"), pt.List{pt.Binary("123456")}, pt.List{pt.Binary("x"), pt.Tuple{pt.Atom("ptr"), pt.Binary("y")}}, pt.List{}, 7)
	// What the kernel gets is not in a reply. It does not know this option.
	const option = 0x1ff
	memory := pt.List{ptr(8)}
	trace := pt.Attach(t, a.Pid())
	p.Want(errno("einval"), a, "prctl", option, memory, 5, 6, 7)
	p.Want(errno("einval"), a, "prctl", option, memory, 5, memory, 7)
	lines := strings.Join(trace.Lines(), "")
	for _, want := range []string{`0x[0-9a-f]{4,}, 0x5, 0x6, 0x7\)`, `0x[0-9a-f]{4,}, 0x5, 0x[0-9a-f]{4,}, 0x7\)`} {
		if !regexp.MustCompile(`prctl\(0x1ff[^,]*, ` + want).MatchString(lines) {
			t.Errorf("no call with %s in\n%s", want, lines)
		}
	}
}

func TestD16StructuresAsBothArgumentsOfPtrace(t *testing.T) {
	p := pt.Start(t)
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
	a := p.Fork(nil)
	p.Want(okTuple(0, pt.Binary(""), pt.Binary("")), nil, "ptrace", pt.Atom("ptrace_attach"), a.Pid(), 0, 0)
	p.SignalOf(nil, "sigchld")
	for range 50 {
		reply, _ := p.Call(nil, "ptrace", pt.Atom("ptrace_getsiginfo"), a.Pid(), pt.List{pt.Binary("12345678"), pt.Tuple{pt.Atom("ptr"), 100}},
			pt.List{pt.Binary(strings.Repeat("\x00", 128))}).(pt.Tuple)
		if len(reply) != 4 || reply[0] != ok || pt.Format(reply[2]) != pt.Format(pt.List{pt.Binary("12345678"), pt.Tuple{pt.Atom("ptr"), pt.Binary(strings.Repeat("\x00", 100))}}) {
			t.Fatalf("reply %s", pt.Format(reply))
		}
		// A structure with another one for its tail.
		switch reply := p.Call(nil, "ptrace", pt.Atom("ptrace_getsiginfo"), a.Pid(), pt.WithTail(pt.WithTail(1, pt.Binary("y")), pt.Binary("x")), 0); pt.Format(reply) {
		case "badarg", "{error,efault}":
		default:
			t.Fatalf("reply %s", pt.Format(reply))
		}
	}
	p.Want(okTuple(0, pt.Binary(""), pt.Binary("")), nil, "ptrace", pt.Atom("ptrace_detach"), a.Pid(), 0, 0)
	p.Want(p.Pid, nil, "getpid")
}

func TestD20ClosedDescriptorOfASlotIsNotTakenForItsSuccessor(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Sh(a, "cat >/dev/null; read x; exit 3")
	s := slotOf(t, p, a)
	file := filepath.Join(t.TempDir(), "file")
	p.Want(ok, nil, "close", s.Stdin)
	for {
		// The lowest free number; some lie below.
		if fd := p.Int(nil, "open", pt.Binary(file), pt.List{pt.Atom("o_rdwr"), pt.Atom("o_creat")}, 0o600); fd == s.Stdin {
			break
		}
	}
	p.Stdin(a, "not for the file")
	p.Await(pt.ExitStatus(a, 3))
	for _, m := range p.Queue() {
		if m.String() != pt.Ctl(a, "badpid").String() {
			t.Errorf("unexpected %v", m)
		}
	}
	if b, err := os.ReadFile(file); err != nil || len(b) > 0 {
		t.Errorf("the file holds %q, %v", b, err)
	}
	p.Want(okTuple(4), nil, "write", s.Stdin, pt.Binary("mine"))
}

func TestD20ClosedOutputsOfASlotAreNotTakenForTheirSuccessors(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	s := slotOf(t, p, a)
	zero := pt.CallFrame(nil, "open", pt.Binary("/dev/zero"), pt.List{pt.Atom("o_rdonly")}, 0)
	for p.Int(nil, "open", pt.Binary("/dev/zero"), pt.List{pt.Atom("o_rdonly")}, 0) < s.Stderr {
	}
	for _, fd := range []int{s.Stdout, s.Stderr} {
		// In one piece: the port does not look at its descriptors between the calls.
		p.Write(append(pt.CallFrame(nil, "close", fd), zero...))
		p.Next(pt.Reply(nil, ok), pt.Reply(nil, okTuple(fd)))
	}
	p.Quiet()
	if now := slotOf(t, p, a); now.Stdout != -1 || now.Stderr != -1 {
		t.Errorf("slot after close: %+v", now)
	}
	p.Signal(a, syscall.SIGKILL)
	p.Next(pt.TermSig(a, "sigkill"))
	p.Quiet()
	for _, fd := range []int{s.Stdout, s.Stderr} {
		p.Want(okTuple(pt.Binary("\x00\x00")), nil, "read", fd, 2)
	}
}

func TestD25CallThatDoesNotFitIsTakenWholeOrRefusedWhole(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Signal(a, syscall.SIGSTOP)
	pt.Until(t, "the child stops", func() bool { return pt.State(a.Pid()) == "T" })
	big := pt.Binary(pt.Bytes(40000))
	const calls = 40
	var want []pt.Term
	for i := range calls {
		if i%4 == 3 {
			p.Send(a, "getpid")
			want = append(want, a.Pid())
		} else {
			p.Send(a, "iolist_to_bin", big)
			want = append(want, big)
		}
	}
	p.Want(p.Pid, nil, "getpid")
	p.Signal(a, syscall.SIGCONT)
	p.SignalOf(a, "sigcont")
	answers, next := 0, 0
	for answers < calls {
		m := p.Any()
		answers++
		switch {
		case m.Is(pt.TypePipe, a):
			if m.Term() != 0 {
				t.Errorf("%v: part of a call was written", m)
			}
		case m.Is(pt.TypeCall, a):
			// Refused calls are left out of the sequence; the others keep their order.
			for next < calls && pt.Format(want[next]) != pt.Format(m.Term()) {
				next++
			}
			if next++; next > calls {
				t.Fatalf("reply out of order: %v", m)
			}
		default:
			t.Fatalf("unexpected %v", m)
		}
	}
	p.Want(a.Pid(), a, "getpid")
	p.Quiet(nil, a)
}

func TestD28PartialInboundFrameKeepsNobodyWaiting(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	b := p.Fork(nil)
	p.Sh(b, "read x; echo out; exit 3")
	p.Stdin(b, "go\n")
	call := pt.CallFrame(a, "version")
	for cut := 1; cut < len(call); cut++ {
		p.Write(call[:cut])
		p.Signal(nil, syscall.SIGUSR1)
		p.SignalOf(nil, "sigusr1")
		p.Signal(a, syscall.SIGUSR2)
		p.SignalOf(a, "sigusr2")
		p.Write(call[cut:])
		p.Await(pt.Reply(a, pt.Binary("1.0.1")))
	}
	p.Await(pt.Stdout(b, "out\n"))
	p.Await(pt.ExitStatus(b, 3))
	p.Quiet(nil, a)
}

// What a child writes on its standard output that is no frame hurts nobody but itself.
func TestGarbageFromAChildNeverHurtsItsParent(t *testing.T) {
	for _, garbage := range []string{
		"\x00\x00", "\x00\x01x", "\xff\xff", "\xff\xfe", "\xff\xfd" + strings.Repeat("x", 65533), "\xff\xf8" + strings.Repeat("y", 65528),
		"\xff\xf7" + strings.Repeat("z", 65527), strings.Repeat("\xff", 30000), strings.Repeat("\x00", 30000), "\x00\x02\x00\x04",
		"\x00\x05\x00\x04\x83\x77\xff", "text\n",
	} {
		t.Run(fmt.Sprintf("%x", garbage[:min(len(garbage), 6)]), func(t *testing.T) {
			p := pt.Start(t, pt.Garbage())
			a, b := p.Fork(nil), p.Fork(nil)
			p.Want(a.Pid(), a, "getpid") // its descriptor 1 is its own by now
			stdout := openStdout(t, a)
			if _, err := stdout.WriteString(garbage); err != nil {
				t.Logf("the parent stopped reading: %v", err)
			}
			stdout.Close()
			p.Want(p.Pid, nil, "getpid")
			p.Want(b.Pid(), b, "getpid")
			p.Signal(a, syscall.SIGKILL)
			p.Receive("end of the child", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
			p.Want(b.Pid(), b, "getpid")
			p.Want(p.Pid, nil, "getpid")
			wantPids(t, p, nil, b)
		})
	}
}

// A child that takes bytes off the control socket or puts some there confuses nobody.
func TestGarbageOnTheControlSocketNeverHurtsTheParent(t *testing.T) {
	for _, data := range []string{"x", "\x00", strings.Repeat("x", 9), strings.Repeat("\xff", 1000), strings.Repeat("\x00", 1000)} {
		p := pt.Start(t, pt.Garbage())
		a, b := p.Fork(nil), p.Fork(nil)
		p.Send(a, "write", 5, pt.Binary(data))
		p.Want(p.Pid, nil, "getpid")
		p.Want(b.Pid(), b, "getpid")
		p.Signal(a, syscall.SIGKILL)
		p.Receive("end of the child", func(m pt.Message) bool { return m.Is(pt.TypeEvent, a) })
		p.Want(b.Pid(), b, "getpid")
		wantPids(t, p, nil, b)
	}
}

// D3 c: a child that closes its descriptor 5 is taken for exec'ed from then on, not before.
func TestD3ClosingTheControlSocketLosesNoReply(t *testing.T) {
	p := pt.Start(t, pt.Garbage())
	a := p.Fork(nil)
	p.Write(bytes.Join([][]byte{pt.CallFrame(a, "getpid"), pt.CallFrame(a, "getpid"), pt.CallFrame(a, "close", 5)}, nil))
	p.Next(pt.Reply(a, a.Pid()), pt.Reply(a, a.Pid()))
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.Want(p.Pid, nil, "getpid")
	p.Signal(a, syscall.SIGKILL)
	p.Await(pt.TermSig(a, "sigkill"))
}

// bettered: a NUL inside a name cut it without a word.
func TestNULInsideANameIsRefused(t *testing.T) {
	p := pt.Start(t)
	p.Want(badarg, nil, "open", pt.Binary("/etc/hostname\x00.png"), pt.List{pt.Atom("o_rdonly")}, 0)
	p.Want(badarg, nil, "execvp", pt.Binary("true"), pt.List{pt.Binary("true"), pt.Binary("--safe\x00--unsafe")})
	p.Want(badarg, nil, "setenv", pt.Binary("A"), pt.Binary("a\x00b"), 1)
}
