// SPDX-License-Identifier: ISC

package test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// instruction returns one of classic BPF.
func instruction(code, jt, jf int, k uint64) string {
	return native(2, uint64(code)) + native(1, uint64(jt)) + native(1, uint64(jf)) + native(4, k)
}

// killAllBut returns a filter that allows these system calls.
func killAllBut(allowed ...int) string {
	const load, jump, answer = 0x20, 0x15, 0x06
	var b strings.Builder
	b.WriteString(instruction(load, 0, 0, 0)) // the number
	for _, nr := range allowed {
		b.WriteString(instruction(jump, 0, 1, uint64(nr)))
		b.WriteString(instruction(answer, 0, 0, 0x7fff0000))
	}
	b.WriteString(instruction(answer, 0, 0, 0x80000000)) // kill the process
	return b.String()
}

// trap returns a filter that allows all system calls but one, which raises SIGSYS.
func trap(nr int) string {
	const load, jump, answer = 0x20, 0x15, 0x06
	return instruction(load, 0, 0, 0) + instruction(jump, 0, 1, uint64(nr)) + instruction(answer, 0, 0, 0x00030000) +
		instruction(answer, 0, 0, 0x7fff0000)
}

// program returns struct sock_fprog.
func program(filter string) pt.Term {
	return pt.List{pt.Binary(native(2, uint64(len(filter)/8))), pt.Binary(strings.Repeat("\x00", 6)), ptr(pt.Binary(filter))}
}

// lockDown puts the process under the filter of the field.
func lockDown(p *pt.Port, to pt.Pipeline, also ...int) {
	p.Want(okTuple(0, 1, 0, 0, 0), to, "prctl", pt.Atom("pr_set_no_new_privs"), 1, 0, 0, 0)
	filter := program(killAllBut(append(also, fieldCalls...)...))
	p.Want(okTuple(0, 2, filter, 0, 0), to, "prctl", pt.Atom("pr_set_seccomp"), pt.Atom("seccomp_mode_filter"), filter, 0, 0)
}

func TestProcessUnderTheFilterOfTheFieldGoesOnServing(t *testing.T) {
	p := pt.Start(t)
	for _, depth := range []int{1, 3} {
		a := p.Chain(depth)
		lockDown(p, a)
		for range 100 {
			p.Want(a.Pid(), a, "getpid")
		}
		p.Want(pt.Binary(pt.Bytes(60000)), a, "iolist_to_bin", pt.Binary(pt.Bytes(60000)))
		p.Want(true, a, "setopt", pt.Atom("exit_status"), 1)
		p.Want(badarg, a, "getopt", 1)
		p.Want(pt.List{}, a, "cpid")
		p.Want(pt.Binary("1.0.1"), a, "version")
		// A signal as well: its handler writes, its end is rt_sigreturn.
		for range 50 {
			p.Signal(a, unix.SIGUSR1)
			p.SignalOf(a, "sigusr1")
		}
		// Partial frames and large ones.
		call := pt.CallFrame(nil, "iolist_to_bin", pt.Binary(pt.Bytes(9000)))
		p.Stdin(a, string(call[:1000]))
		p.Stdin(a, string(call[1000:])+string(call)+string(call[:5]))
		p.Stdin(a, string(call[5:]))
		for range 3 {
			p.Next(pt.Reply(a, pt.Binary(pt.Bytes(9000))))
		}
		p.Send(a, "exit", 9)
		p.Next(pt.Ctl(a, "fdctl_closed"), pt.ExitStatus(a, 9))

		b := p.Fork(a.Parent())
		lockDown(p, b)
		p.Send(b, "getcwd")
		p.Next(pt.Ctl(b, "fdctl_closed"), pt.TermSig(b, "sigsys"))
		// kept: limits are read and set by prlimit64, which such a list has to have.
		d := p.Fork(a.Parent())
		lockDown(p, d)
		p.Send(d, "getrlimit", pt.Atom("rlimit_core"))
		p.Next(pt.Ctl(d, "fdctl_closed"), pt.TermSig(d, "sigsys"))
		e := p.Fork(a.Parent())
		lockDown(p, e, limitCall)
		p.Want(ok, e, "setrlimit", pt.Atom("rlimit_core"), rlimit(0, 0))
		p.Want(okTuple(rlimit(0, 0)), e, "getrlimit", pt.Atom("rlimit_core"))
		c := p.Fork(a.Parent())
		lockDown(p, c)
		endOfFile(t, p, c)
		p.Next(pt.Ctl(c, "fdctl_closed"), pt.ExitStatus(c, 0))
	}
}

// A parent needs wait4 and close besides for children that end.
func TestParentUnderAFilterServesItsChildren(t *testing.T) {
	for _, children := range []int{1, 40} {
		p := pt.Start(t)
		a := p.Fork(nil)
		var b []pt.Pipeline
		for range children {
			b = append(b, p.Fork(a))
			p.Want(b[len(b)-1].Pid(), b[len(b)-1], "getpid")
		}
		lockDown(p, a, unix.SYS_WAIT4, unix.SYS_CLOSE)
		for _, l := range b {
			p.Want(l.Pid(), l, "getpid")
			p.Want(pt.Binary(pt.Bytes(50000)), l, "iolist_to_bin", pt.Binary(pt.Bytes(50000)))
		}
		p.Sh(b[0], "echo before; read x; echo $x; echo err >&2; exit 3")
		p.Await(pt.Stdout(b[0], "before\n"))
		p.Stdin(b[0], "input\n")
		p.Await(pt.Stdout(b[0], "input\n"))
		p.Await(pt.Stderr(b[0], "err\n"))
		p.Await(pt.ExitStatus(b[0], 3))
		for _, l := range b[1:] {
			p.Send(l, "exit", 4)
			p.Await(pt.Ctl(l, "fdctl_closed"))
			p.Await(pt.ExitStatus(l, 4))
		}
		p.Want(pt.List{}, a, "cpid")
		p.Want(a.Pid(), a, "getpid")
		p.Quiet(nil, a)
	}
}
