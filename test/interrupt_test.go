//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// Processes that sleep in a call notice that whoever started them is gone.

// asleep are the ways to sleep in a call. Each sends one and returns the number of the system call.
var asleep = []struct {
	name string
	call func(t *testing.T, p *pt.Port, to pt.Pipeline) int
}{
	{"waitpid", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		c := p.Fork(to)
		p.Exec(c, "sleep", "1000")
		p.Want(true, to, "setcpid", c.Pid(), pt.Atom("signaloneof"), 9)
		p.Send(to, "waitpid", c.Pid(), pt.List{})
		return unix.SYS_WAIT4
	}},
	{"waitpid of any child", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		c := p.Fork(to)
		p.Exec(c, "sleep", "1000")
		p.Want(true, to, "setcpid", c.Pid(), pt.Atom("signaloneof"), 9)
		p.Send(to, "waitpid", -1, pt.List{})
		return unix.SYS_WAIT4
	}},
	{"open of a fifo", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		p.Send(to, "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdonly")}, 0)
		return unix.SYS_OPENAT
	}},
	{"read", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		p.Send(to, "read", openFifo(t, p, to), 1)
		return unix.SYS_READ
	}},
	{"write", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		fd := openFifo(t, p, to)
		for range 2 { // a pipe has room for one of them
			p.Send(to, "write", fd, pt.Binary(pt.Bytes(60000)))
		}
		return unix.SYS_WRITE
	}},
	{"select", func(t *testing.T, p *pt.Port, to pt.Pipeline) int {
		p.Send(to, "select", pt.List{openFifo(t, p, to)}, pt.List{}, pt.List{}, pt.List{})
		return unix.SYS_PSELECT6
	}},
}

// fifo makes one that nobody has open.
func fifo(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// openFifo opens an empty one in a process, both ends at once.
func openFifo(t *testing.T, p *pt.Port, to pt.Pipeline) int {
	t.Helper()
	return p.Int(to, "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdwr"), pt.Atom("o_cloexec")}, 0)
}

// fallAsleep waits until a process is in a system call for good.
func fallAsleep(t *testing.T, pid, call int) {
	t.Helper()
	pt.Until(t, "process "+strconv.Itoa(pid)+" sleeps in its call", func() bool {
		return pt.State(pid) == "S" && pt.SystemCall(pid) == call
	})
}

func TestProcessAsleepInACallNoticesThatItsParentIsGone(t *testing.T) {
	for _, sleep := range asleep {
		t.Run(sleep.name, func(t *testing.T) {
			p := pt.Start(t, pt.AnyEnd())
			to := p.Chain(2)
			call := sleep.call(t, p, to)
			fallAsleep(t, to.Pid(), call)
			kill(t, to.Parent().Pid(), unix.SIGKILL)
			pt.Gone(t, to.Pid())
		})
	}
}

// A process that was made to execute the program again has no handler for SIGIO, as programs
// begin. It is interrupted all the same, and so is its child.
func TestProcessThatExecutedThePortAgainIsInterrupted(t *testing.T) {
	for _, below := range []int{0, 1} {
		for _, sleep := range asleep {
			t.Run(fmt.Sprint(sleep.name, ", below it ", below), func(t *testing.T) {
				p := pt.Start(t, pt.AnyEnd())
				to := p.Chain(2)
				reexec(p, to)
				for range below {
					to = p.Fork(to)
				}
				call := sleep.call(t, p, to)
				fallAsleep(t, to.Pid(), call)
				kill(t, to.Parent().Pid(), unix.SIGKILL)
				pt.Gone(t, to.Pid())
			})
		}
	}
}

// What the client is told and sees of SIGIO there is as if there were no handler.
func TestSIGIOHasItsDefaultWhereThePortWasExecutedAgain(t *testing.T) {
	p := pt.Start(t)
	sigaction := func(to pt.Pipeline, want, disposition pt.Term) {
		t.Helper()
		p.Want(pt.Tuple{ok, want}, to, "sigaction", pt.Atom("sigio"), disposition)
	}
	query, dfl, ign, info := pt.List{}, pt.Atom("sig_dfl"), pt.Atom("sig_ign"), pt.Atom("sig_info")

	a := p.Fork(nil)
	reexec(p, a)
	sigaction(a, dfl, query)
	b := p.Fork(a)
	sigaction(b, dfl, query)
	p.Signal(b, unix.SIGIO)
	p.Next(pt.Ctl(b, "fdctl_closed"), pt.TermSig(b, "sigio"))
	sigaction(a, dfl, info)
	sigaction(a, info, query)
	p.Signal(a, unix.SIGIO)
	p.SignalOf(a, "sigio")
	sigaction(a, info, dfl)
	sigaction(a, dfl, query)
	p.Signal(a, unix.SIGIO)
	p.Next(pt.Ctl(a, "fdctl_closed"), pt.TermSig(a, "sigio"))

	c := p.Fork(nil)
	sigaction(c, info, ign)
	reexec(p, c)
	sigaction(c, ign, query)
	p.Signal(c, unix.SIGIO)
	p.Want(c.Pid(), c, "getpid")
}

// A process that was made to execute the program again has the default for SIGPIPE, which is to
// end it. It does where a call writes to nobody, not where a program of its does not read.
func TestSIGPIPEDoesNotEndAProcessThatWasExecutedAgainForItsProgram(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	reexec(p, a)
	p.Want(okTuple(pt.Atom("sig_dfl")), a, "sigaction", pt.Atom("sigpipe"), pt.List{})
	b := p.Fork(a)
	p.Sh(b, "exec <&-; echo closed; exec sleep 1000")
	p.Await(pt.Stdout(b, "closed\n"))
	for range 3 {
		p.Stdin(b, "for nobody")
		p.Want(a.Pid(), a, "getpid")
	}
	p.Signal(b, unix.SIGKILL)
	p.Await(pt.TermSig(b, "sigkill"))
	reader := p.Int(a, "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdwr")}, 0)
	writer := p.Int(a, "open", pt.Binary(fmt.Sprintf("/proc/self/fd/%d", reader)), pt.List{pt.Atom("o_wronly")}, 0)
	p.Want(ok, a, "close", reader)
	p.Send(a, "write", writer, pt.Binary("for nobody"))
	p.Next(pt.Ctl(a, "fdctl_closed"), pt.TermSig(a, "sigpipe"))
}

// All of a pipeline sleep; the end of the one above interrupts the next.
func TestTreeAsleepInCallsIsGoneWithThePort(t *testing.T) {
	p := pt.Start(t, pt.AnyEnd())
	to := p.Chain(3)
	for n := len(to); n > 0; n-- {
		p.Send(to[:n], "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdonly")}, 0)
		fallAsleep(t, to[n-1], unix.SYS_OPENAT)
	}
	kill(t, p.Pid, unix.SIGKILL)
	for _, pid := range to {
		pt.Gone(t, pid)
	}
}

func TestProcessOfAnotherUserIsInterrupted(t *testing.T) {
	pt.Need(t, "CAP_SETUID", unix.CAP_SETUID)
	pt.Need(t, "CAP_SETPCAP", unix.CAP_SETPCAP)
	const keepCapabilities = 4 // SECBIT_NO_SETUID_FIXUP
	p := pt.Start(t, pt.AnyEnd())
	a := p.Fork(nil)
	p.Want(okTuple(0, keepCapabilities, 0, 0, 0), a, "prctl", pt.Atom("pr_set_securebits"), keepCapabilities, 0, 0, 0)
	path := fifo(t)
	p.Want(ok, a, "setresuid", 1001, 1001, 1001)
	b := p.Fork(a)
	p.Want(ok, b, "setresuid", 1002, 1002, 1002)
	p.Send(b, "open", pt.Binary(path), pt.List{pt.Atom("o_rdonly")}, 0)
	fallAsleep(t, b.Pid(), unix.SYS_OPENAT)
	kill(t, a.Pid(), unix.SIGKILL)
	pt.Gone(t, b.Pid())
}

// SIGIO is an event as any other signal, and interrupts a call as others do.
func TestSIGIOBelongsToTheClient(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for range 3 {
		p.Signal(a, unix.SIGIO)
		p.SignalOf(a, "sigio")
	}
	p.Send(a, "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdonly")}, 0)
	fallAsleep(t, a.Pid(), unix.SYS_OPENAT)
	kill(t, a.Pid(), unix.SIGIO)
	p.Await(pt.Reply(a, errno("eintr")))
	p.SignalOf(a, "sigio")
	// Calls sleep again.
	p.Send(a, "open", pt.Binary(fifo(t)), pt.List{pt.Atom("o_rdonly")}, 0)
	fallAsleep(t, a.Pid(), unix.SYS_OPENAT)
	kill(t, a.Pid(), unix.SIGIO)
	p.Await(pt.Reply(a, errno("eintr")))
	p.SignalOf(a, "sigio")
}

// What the process does about it is that of the client: the end of its parent does not kill it
// then.
func TestSIGIOWithoutAHandlerIsNotSentAtTheEnd(t *testing.T) {
	for _, disposition := range []pt.Atom{"sig_dfl", "sig_ign"} {
		t.Run(string(disposition), func(t *testing.T) {
			p := pt.Start(t)
			a := p.Fork(nil)
			p.Want(okTuple(pt.Atom("sig_info")), a, "sigaction", pt.Atom("sigio"), disposition)
			said := filepath.Join(t.TempDir(), "said")
			b := p.Fork(a)
			c := p.Fork(b)
			p.Sh(c, `trap "echo term >`+said+`; exit" TERM; echo ready; while :; do sleep 0.01; done`)
			p.Await(pt.Stdout(c, "ready\n"))
			p.CloseInput()
			p.Exit()
			pt.Gone(t, c.Pid())
			if got, _ := os.ReadFile(said); string(got) != "term\n" {
				t.Errorf("the program noted %q", got)
			}
		})
	}
}
