// SPDX-License-Identifier: ISC

package test

import (
	"encoding/binary"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// names of the signals that have one; 6 and 29 have two, and the first counts.
var signalNames = map[int]string{
	1: "sighup", 2: "sigint", 3: "sigquit", 4: "sigill", 5: "sigtrap", 6: "sigabrt", 7: "sigbus", 8: "sigfpe",
	10: "sigusr1", 11: "sigsegv", 12: "sigusr2", 13: "sigpipe", 14: "sigalrm", 15: "sigterm", 16: "sigstkflt",
	18: "sigcont", 20: "sigtstp", 21: "sigttin", 22: "sigttou", 23: "sigurg", 24: "sigxcpu", 25: "sigxfsz",
	26: "sigvtalrm", 27: "sigprof", 28: "sigwinch", 29: "sigio", 30: "sigpwr", 31: "sigsys",
}

// siginfo fields of a signal that a process sent with kill(2).
func wantKilled(t testing.TB, info string, signo, pid int) {
	t.Helper()
	ne := binary.NativeEndian
	b := []byte(info)
	if len(b) != 128 {
		t.Fatalf("siginfo of %d bytes", len(b))
	}
	for _, f := range []struct {
		name         string
		offset, want int
	}{{"si_signo", 0, signo}, {"si_errno", 4, 0}, {"si_code", 8, 0}, {"padding", 12, 0}, {"si_pid", 16, pid}, {"si_uid", 20, syscall.Getuid()}} {
		if got := int(int32(ne.Uint32(b[f.offset:]))); got != f.want {
			t.Errorf("%s is %d, want %d", f.name, got, f.want)
		}
	}
	if strings.Trim(info[24:], "\x00") != "" {
		t.Errorf("bytes behind si_uid: % x", info[24:])
	}
}

func TestEverySignalBecomesAnEventWithItsSiginfo(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		pid := p.Int(to, "getpid")
		for number := 1; number <= 64; number++ {
			name := signalNames[number]
			switch {
			case number == 9 || number == 17 || number == 19 || number == 32 || number == 33:
				continue
			case number >= 34:
				name = "unknown"
			}
			kill(t, pid, syscall.Signal(number))
			wantKilled(t, p.SignalOf(to, name), number, syscall.Getpid())
		}
		p.Quiet(nil, to)
	})
}

// The reply is written first, then the event.
func TestProcessThatSignalsItselfAnswersBeforeTheEvent(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		pid := p.Int(to, "getpid")
		for range 20 {
			p.Send(to, "kill", pid, pt.Atom("sigusr2"))
			p.Next(pt.Reply(to, ok))
			m := p.Any()
			info, is := m.Signal("sigusr2")
			if !is {
				t.Fatalf("instead of the event came %v", m)
			}
			wantKilled(t, info, 12, pid)
		}
	})
}

func TestChildrenHandleSignalsAsTheirParentsDid(t *testing.T) {
	p := pt.Start(t)
	p.Want(okTuple(pt.Atom("sig_info")), nil, "sigaction", pt.Atom("sigterm"), pt.Atom("sig_dfl"))
	p.Want(okTuple(pt.Atom("sig_info")), nil, "sigaction", pt.Atom("sigusr1"), pt.Atom("sig_ign"))
	a := p.Fork(nil)
	p.Want(okTuple(pt.Atom("sig_dfl")), a, "sigaction", pt.Atom("sigterm"), pt.List{})
	p.Want(okTuple(pt.Atom("sig_ign")), a, "sigaction", pt.Atom("sigusr1"), pt.Binary(""))
	p.Want(okTuple(pt.Atom("sig_info")), a, "sigaction", pt.Atom("sigusr2"), pt.List{})
	p.Signal(a, syscall.SIGUSR1)
	p.Quiet(nil, a)
	p.Signal(a, syscall.SIGTERM)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.Await(pt.TermSig(a, "sigterm"))
}

func TestIgnoredSignalsStayIgnoredInProgramsAndHandledOnesBecomeDefault(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(okTuple(pt.Atom("sig_info")), a, "sigaction", pt.Atom("sigusr1"), pt.Atom("sig_ign"))
	p.Exec(a, "/bin/cat", "/proc/self/status")
	out := p.Finish(a, pt.ExitStatus(a, 0))
	for _, want := range []string{"SigIgn:\t0000000000000200\n", "SigCgt:\t0000000000000000\n", "SigBlk:\t0000000000000000\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("status of a program lacks %q in\n%s", want, out)
		}
	}
}

// kept: the answers of sigaction for SIGCHLD.
func TestSigchldIsAFlagToSigaction(t *testing.T) {
	p := pt.Start(t)
	for _, c := range []struct{ handler, old pt.Atom }{
		{"sig_info", "sig_dfl"}, {"sig_info", "sig_info"}, {"sig_ign", "sig_info"}, {"sig_dfl", "sig_dfl"},
		{"sig_info", "sig_dfl"}, {"sig_dfl", "sig_info"},
	} {
		p.Want(okTuple(c.old), nil, "sigaction", pt.Atom("sigchld"), c.handler)
		now := pt.Atom("sig_dfl")
		if c.handler == "sig_info" {
			now = "sig_info"
		}
		p.Want(okTuple(now), nil, "sigaction", pt.Atom("sigchld"), pt.List{})
	}
}

func TestSigchldTakenOverIsAnEventAndNothingIsReaped(t *testing.T) {
	p := pt.Start(t)
	reportClosed(p, nil)
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
	a := p.Fork(nil)
	p.Sh(a, "exit 3")
	info := []byte(p.SignalOf(nil, "sigchld"))
	ne := binary.NativeEndian
	if signo, code, pid, status := ne.Uint32(info), ne.Uint32(info[8:]), ne.Uint32(info[16:]), ne.Uint32(info[24:]); signo != 17 ||
		code != 1 || int(pid) != a.Pid() || status != 3 {
		t.Errorf("siginfo: signo %d, code %d, pid %d, status %d", signo, code, pid, status)
	}
	p.Await(pt.Ctl(a, "stdout_closed"))
	p.Await(pt.Ctl(a, "stderr_closed"))
	p.Quiet()
	if s := slotOf(t, p, a); s.Stdin < 0 || s.Control != -2 || s.Stdout != -1 || s.Stderr != -1 {
		t.Errorf("slot of a child not waited for: %+v", s)
	}
	p.Want(okTuple(a.Pid(), 3<<8, pt.List{pt.Tuple{pt.Atom("exit_status"), 3}}), nil, "waitpid", a.Pid(), pt.List{})
	p.Quiet()
	if left := slots(t, p, nil); len(left) > 0 {
		t.Errorf("slot after waitpid: %+v", left)
	}
}

func TestChildrenThatEndedMeanwhileAreReportedAtTheNextSigchld(t *testing.T) {
	p := pt.Start(t)
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
	a, b := p.Fork(nil), p.Fork(nil)
	p.Send(a, "exit", 1)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(pt.Atom("sig_info")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_dfl"))
	p.Quiet()
	p.Send(b, "exit", 2)
	p.Await(pt.Ctl(b, "fdctl_closed"))
	p.Await(pt.ExitStatus(a, 1))
	p.Await(pt.ExitStatus(b, 2))
}

func TestStopAndContinueOfAChildAreNotReported(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	b := p.Fork(nil)
	p.Exec(b, "sleep", "1000")
	for _, l := range []pt.Pipeline{a, b} {
		p.Signal(l, syscall.SIGSTOP)
		pt.Until(t, "the child stops", func() bool { return pt.State(l.Pid()) == "T" })
		p.Quiet()
		p.Signal(l, syscall.SIGCONT)
		if l.Pid() == a.Pid() {
			p.SignalOf(a, "sigcont")
		}
		pt.Until(t, "the child goes on", func() bool { return pt.State(l.Pid()) != "T" })
	}
	p.Quiet(nil, a)
	p.Signal(b, syscall.SIGKILL)
	p.Next(pt.TermSig(b, "sigkill"))
}

// bettered: D6 signal floods.
func TestFloodOfSignalsEndsNoProcess(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Hold()
	const flood = 100000
	for i := range flood {
		kill(t, p.Pid, syscall.Signal(10+2*(i%2)))
		kill(t, a.Pid(), syscall.SIGUSR1)
	}
	p.Release()
	// Standard signals coalesce; each kind arrives, and nothing ends.
	p.SignalOf(nil, "sigusr1")
	p.SignalOf(nil, "sigusr2")
	p.SignalOf(a, "sigusr1")
	p.Want(p.Pid, nil, "getpid")
	p.Want(a.Pid(), a, "getpid")
	for _, m := range p.Queue() {
		if m.Type != pt.TypeEvent {
			t.Errorf("unexpected %v", m)
		}
	}
}

// The pipe holds 512 records. Of what it does not hold, the last of each kind is kept.
func TestNoKindOfSignalIsLostWhenThePipeIsFull(t *testing.T) {
	p := pt.Start(t)
	p.Signal(nil, syscall.SIGSTOP)
	pt.Until(t, "the port stops", func() bool { return pt.State(p.Pid) == "T" })
	const first, last, queued = 34, 64, 600
	for range queued {
		kill(t, p.Pid, first)
	}
	// These are delivered after the others, which have a lower number.
	for signo := first + 1; signo <= last; signo++ {
		kill(t, p.Pid, syscall.Signal(signo))
	}
	p.Signal(nil, syscall.SIGCONT)
	got := map[int]int{}
	for got[last] == 0 || got[first] < 512 { // a round takes only some from the pipe
		info := p.SignalOf(nil, "unknown")
		got[int(info[0])]++
	}
	p.SignalOf(nil, "sigcont")
	p.Want(p.Pid, nil, "getpid")
	if n := got[first]; n < 512 || n > queued {
		t.Errorf("%d of %d events of signal %d", n, queued, first)
	}
	for signo := first + 1; signo <= last; signo++ {
		if got[signo] != 1 {
			t.Errorf("%d events of signal %d, want one", got[signo], signo)
		}
	}
	for _, m := range p.Queue() { // more of the first, which the kernel has queued
		if m.Type != pt.TypeEvent {
			t.Errorf("unexpected %v", m)
		}
	}
}

func TestBlockingCallsAreInterruptedBySignals(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t)
	a := p.Fork(nil)
	fifo := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, a, "mkfifo", pt.Binary(fifo), 0o600)
	socket := p.Int(a, "socket", pt.Atom("af_unix"), pt.Atom("sock_dgram"), 0)
	b := p.Fork(a)
	full := p.Int(a, "open", pt.Binary(fifo), pt.List{pt.Atom("o_rdwr")}, 0)
	p.Want(okTuple(4096), a, "fcntl", full, pt.Atom("f_setpipe_sz"), 4096)
	p.Want(okTuple(4096), a, "write", full, pt.Binary(pt.Bytes(4096)))
	other := filepath.Join(t.TempDir(), "fifo")
	p.Want(ok, a, "mkfifo", pt.Binary(other), 0o600)
	for _, c := range []struct {
		name    string
		args    []pt.Term
		numbers []int
	}{
		{"write", []pt.Term{full, pt.Binary("x")}, []int{unix.SYS_WRITE}},
		// bettered: D13 a failing select tells the error.
		{"select", []pt.Term{pt.List{}, pt.List{}, pt.List{}, pt.List{}}, selectCalls},
		{"read", []pt.Term{socket, 10}, []int{unix.SYS_READ}},
		{"waitpid", []pt.Term{b.Pid(), pt.List{}}, []int{unix.SYS_WAIT4}},
		{"open", []pt.Term{pt.Binary(other), pt.List{pt.Atom("o_rdonly")}, 0}, openCalls},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := p.With(t)
			p.Send(a, c.name, c.args...)
			pt.Until(t, "the call blocks", func() bool { return slices.Contains(c.numbers, pt.SystemCall(a.Pid())) })
			p.Signal(a, syscall.SIGUSR1)
			p.Next(pt.Reply(a, errno("eintr")))
			p.SignalOf(a, "sigusr1")
			p.Want(a.Pid(), a, "getpid")
		})
	}
}

func TestSiginfoIsTheWholeRecordOfTheKernel(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	t.Run("of a queued signal", func(t *testing.T) {
		p := p.With(t)
		const value = 0x1122334455667788
		info := native(4, 40) + native(4, 0) + native(4, 1<<32-1) + native(4, 0) + // SI_QUEUE is -1
			native(4, uint64(syscall.Getpid())) + native(4, 7) + native(8, value) + strings.Repeat("\x00", 96)
		record := []byte(info)
		if _, _, err := unix.Syscall(uintptr(queueCall), uintptr(a.Pid()), 40, uintptr(unsafe.Pointer(&record[0]))); err != 0 {
			t.Fatalf("rt_sigqueueinfo: %v", err)
		}
		if got := p.SignalOf(a, "unknown"); got != info {
			t.Errorf("siginfo\n% x, want\n% x", got, info)
		}
	})
	t.Run("of a child that was killed", func(t *testing.T) {
		p := p.With(t)
		p.Want(okTuple(pt.Atom("sig_dfl")), a, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
		b := p.Fork(a)
		p.Signal(b, syscall.SIGKILL)
		info := p.SignalOf(a, "sigchld")
		want := native(4, 17) + native(4, 0) + native(4, 2) + native(4, 0) + native(4, uint64(b.Pid())) + native(4, uint64(syscall.Getuid())) + native(4, 9)
		if !strings.HasPrefix(info, want) {
			t.Errorf("siginfo\n% x, want\n% x", info[:len(want)], want)
		}
	})
	t.Run("of a system call that a filter traps", func(t *testing.T) {
		p := p.With(t)
		b := p.Fork(nil)
		p.Want(okTuple(0, 1, 0, 0, 0), b, "prctl", pt.Atom("pr_set_no_new_privs"), 1, 0, 0, 0)
		p.Want(ok, b, "seccomp", pt.Atom("seccomp_set_mode_filter"), 0, program(trap(unix.SYS_GETSID)))
		p.Send(b, "getsid", 0)
		info := []byte(p.SignalOf(b, "sigsys"))
		if nr := binary.NativeEndian.Uint32(info[24:]); nr != unix.SYS_GETSID {
			t.Errorf("si_syscall is %d, want %d", nr, unix.SYS_GETSID)
		}
		p.Reply(b, "getsid")
		p.Want(b.Pid(), b, "getpid")
	})
}

// A fault must end the process by its signal, not spin in the handler.
func TestFaultEndsTheProcessByItsSignal(t *testing.T) {
	if restartedCall < 0 {
		t.Skip("needs the registers of another machine")
	}
	p := pt.Start(t)
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigchld"), pt.Atom("sig_info"))
	a := p.Fork(nil)
	b := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	done := okTuple(0, pt.Binary(""), pt.Binary(""))
	p.Want(done, nil, "ptrace", pt.Atom("ptrace_attach"), a.Pid(), 0, 0)
	p.SignalOf(nil, "sigchld")
	p.Want(okTuple(a.Pid(), 19<<8|0x7f, pt.List{pt.Tuple{pt.Atom("stopsig"), pt.Atom("sigstop")}}), nil, "waitpid", a.Pid(), pt.List{})
	registers := registersOf(t, p, nil, a.Pid())
	binary.NativeEndian.PutUint64(registers[instructionPointer:], 8) // where nothing is mapped
	binary.NativeEndian.PutUint64(registers[restartedCall:], 1<<64-1)
	set := pt.List{ptr(pt.Binary(registers)), pt.Binary(native(8, registersSize))}
	p.Want(okTuple(0, pt.Binary(""), set), nil, "ptrace", pt.Atom("ptrace_setregset"), a.Pid(), 1, set)
	p.Want(done, nil, "ptrace", pt.Atom("ptrace_detach"), a.Pid(), 0, 0)
	p.Await(pt.Ctl(a, "fdctl_closed"))
	p.SignalOf(nil, "sigchld")
	m := p.Call(nil, "waitpid", a.Pid(), pt.List{})
	if r, _ := m.(pt.Tuple); len(r) != 4 || pt.Format(r[3]) != "[{termsig,sigsegv}]" {
		t.Errorf("end of the process: %s", pt.Format(m))
	}
	p.Want(b.Pid(), b, "getpid")
}

func TestKillReachesGroupsAndTestsExistence(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(okTuple(a.Pid()), a, "setsid")
	b := p.Fork(a)
	p.Want(b.Pid(), b, "getpid")
	p.Want(ok, nil, "kill", -a.Pid(), pt.Atom("sigusr1"))
	p.SignalOf(a, "sigusr1")
	p.SignalOf(b, "sigusr1")
	p.Want(ok, nil, "kill", b.Pid(), 0)
	p.Want(ok, b, "kill", 0, 35)
	p.SignalOf(a, "unknown")
	p.SignalOf(b, "unknown")
	p.Quiet(nil, a, b)
}

// A process that queues real-time signals without end keeps nobody from being served: the
// handler takes so many, the loop goes on, and then it takes more.
func TestCallsAreAnsweredWhileSomebodyQueuesSignalsWithoutEnd(t *testing.T) {
	p := pt.Start(t)
	queueFew(p)
	stop := isServedInAFlood(p)
	a := p.Fork(nil)
	p.Exec(a, "grep", "SigBlk", "/proc/self/status") // a program begins with no signal blocked
	if got, want := p.Finish(a, pt.ExitStatus(a, 0)), "SigBlk:\t0000000000000000\n"; got != want {
		t.Errorf("program of a flooded process: %q, want %q", got, want)
	}
	stop()
}

// stranger returns the number of a user who has no process. The kernel counts those of a user on
// the whole machine, those of other tests among them, and an exec may fail when there are too many.
func stranger() int { return 20_000 + rand.IntN(40_000) }

// queueFew lets few signals be queued for the port and its children. Those for all processes of
// a user count, and when there are too many some come without their siginfo, here and in other
// tests.
func queueFew(p *pt.Port) {
	if runtime.GOOS == "linux" { // elsewhere each process has a queue of its own
		p.Want(ok, nil, "setrlimit", pt.Atom("rlimit_sigpending"), rlimit(1000, 1000))
	}
}

// isServedInAFlood floods the port, and returns when it has taken more signals than the pipe
// holds. The flood goes on until stop is called.
func isServedInAFlood(p *pt.Port) (stop func()) {
	stop = flood(p)
	for range 1000 {
		p.SignalOf(nil, "unknown")
	}
	p.Int(nil, "getpid")
	return stop
}

// flood queues real-time signals for the port until stop is called. Few should be queued.
func flood(p *pt.Port) (stop func()) {
	var stopped atomic.Bool
	var flooder sync.WaitGroup
	flooder.Go(func() {
		for n := 0; !stopped.Load(); n++ {
			syscall.Kill(p.Pid, syscall.Signal(34+n%20)) // fails when the queue is full
		}
	})
	return func() {
		stopped.Store(true)
		flooder.Wait()
	}
}
