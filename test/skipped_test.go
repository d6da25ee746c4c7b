//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// A filter may have the kernel skip a system call: by SECCOMP_RET_TRAP, then the result is what was
// in a register (the number of the call or its first argument, by machine), or by SECCOMP_RET_ERRNO
// with 0.
const (
	retTrap  = 0x00030000
	retZero  = 0x00050000
	retAllow = 0x7fff0000
)

var skips = map[string]uint64{"trap": retTrap, "errno 0": retZero}

// servingCalls are those that a process cannot take calls without.
var servingCalls = append([]int{unix.SYS_EXIT_GROUP, unix.SYS_READ, unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_RT_SIGRETURN,
	unix.SYS_RESTART_SYSCALL}, pollCalls...)

// filterBy returns a filter with one answer for these system calls and another one for all others.
func filterBy(answer, otherwise uint64, numbers ...int) string {
	const load, jump, ret = 0x20, 0x15, 0x06
	var b strings.Builder
	b.WriteString(instruction(load, 0, 0, 0))
	for _, nr := range numbers {
		b.WriteString(instruction(jump, 0, 1, uint64(nr)))
		b.WriteString(instruction(ret, 0, 0, answer))
	}
	b.WriteString(instruction(ret, 0, 0, otherwise))
	return b.String()
}

// enforce puts the process under a filter.
func enforce(p *pt.Port, to pt.Pipeline, filter string) {
	p.Want(okTuple(0, 1, 0, 0, 0), to, "prctl", pt.Atom("pr_set_no_new_privs"), 1, 0, 0, 0)
	p.Want(ok, to, "seccomp", pt.Atom("seccomp_set_mode_filter"), 0, program(filter))
}

// skippedReplies are what calls answer whose system calls were not made. All others may answer what
// they like, since nothing but the result shows whether they were made: ok, or a number.
var skippedReplies = map[string][]pt.Term{
	"clone":       {errno("unknown")},
	"execve":      {errno("unknown")},
	"execvp":      {errno("unknown")},
	"fexecve":     {errno("unknown")},
	"fork":        {errno("unknown")},
	"getcwd":      {okTuple(pt.Binary(""))},
	"getgroups":   {errno("unknown"), okTuple(pt.List{})},
	"gethostname": {okTuple(pt.Binary(""))},
	"getresgid":   {errno("unknown")},
	"getresuid":   {errno("unknown")},
	"getrlimit":   {errno("unknown")},
	"readdir":     {errno("unknown"), errno("ebadf"), errno("enotdir"), errno("enetdown")},
	"select":      {errno("unknown")},
	"waitpid":     {errno("unknown"), okTuple(0, 0, pt.List{})},
}

// skippedArguments are those of the calls whose examples would wait, end the process or not reach
// the kernel.
var skippedArguments = map[string][]pt.Term{
	"clone":   {pt.List{pt.Atom("clone_newuts")}},
	"execve":  {pt.Binary("/bin/true"), argv("true"), argv("A=1")},
	"execvp":  {pt.Binary("true"), argv("true")},
	"fexecve": {0, argv("true"), argv("A=1")},
	"read":    {1 << 20, 100},
	"readdir": {pt.Binary("/")},
	"select":  {pt.List{0, 1000}, pt.List{1, 1001}, pt.List{}, pt.Tuple{pt.Atom("alcove_timeval"), 0, 0}},
	"waitpid": {-1, pt.List{pt.Atom("wnohang")}},
}

// bettered: stale memory was sent as groups, ids and names, and a length of 0 ended the process.
func TestEveryCallSurvivesAResultThatTheKernelDidNotMake(t *testing.T) {
	all := allCalls()
	for how, answer := range skips {
		p := pt.Start(t)
		for _, name := range pt.Names() {
			if name == "exit" {
				continue
			}
			args := argumentsOf(all[name], name, skippedArguments)
			a := p.Fork(nil)
			enforce(p, a, filterBy(retAllow, answer, servingCalls...))
			got := p.Call(a, name, args...)
			if !among(skippedReplies[name], got) {
				t.Errorf("%s, %s replies %s", name, how, pt.Format(got))
			}
			p.Want(a.Pid(), a, "getpid")
			p.Want(pt.List{}, a, "cpid")
			endOfFile(t, p, a)
		}
	}
}

// A fork of a process with children, whose exit signals would go to a pid that is not that of a
// child.
func TestSkippedForkIsNoChild(t *testing.T) {
	for how, answer := range skips {
		p := pt.Start(t)
		a := p.Fork(nil)
		b := p.Fork(a)
		enforce(p, a, filterBy(answer, retAllow, unix.SYS_CLONE, unix.SYS_CLONE3))
		p.Want(errno("unknown"), a, "fork")
		p.Want(errno("unknown"), a, "clone", pt.List{pt.Atom("clone_newns")})
		if children := slots(t, p, a); len(children) != 1 {
			t.Errorf("%s: children are %v", how, children)
		}
		p.Want(b.Pid(), b, "getpid")
	}
}

// A fork whose descriptors would block the process: of the commands of fcntl(2) only that which
// changes flags is skipped.
func TestForkWhoseDescriptorsWouldBlockFails(t *testing.T) {
	const load, jump, ret = 0x20, 0x15, 0x06
	const number, command = 0, 24 // places in struct seccomp_data; the machines of this test are little-endian
	p := pt.Start(t)
	a := p.Fork(nil)
	enforce(p, a, instruction(load, 0, 0, number)+instruction(jump, 0, 3, unix.SYS_FCNTL)+
		instruction(load, 0, 0, command)+instruction(jump, 0, 1, unix.F_SETFL)+
		instruction(ret, 0, 0, retZero)+instruction(ret, 0, 0, retAllow))
	before := pt.FDs(a.Pid())
	p.Want(errno("unknown"), a, "fork")
	if diff := cmp.Diff(before, pt.FDs(a.Pid())); diff != "" {
		t.Errorf("descriptors (-before +after):\n%s", diff)
	}
}

// The number that a skipped open(2) tells may be that of a descriptor in use.
func TestSkippedReaddirClosesNothing(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid") // it has put its descriptors in their places
	before := pt.FDs(a.Pid())
	enforce(p, a, filterBy(retZero, retAllow, unix.SYS_OPENAT))
	p.Want(errno("enotdir"), a, "readdir", pt.Binary("/"))
	enforce(p, a, filterBy(retZero, retAllow, unix.SYS_OPENAT, unix.SYS_GETDENTS64))
	p.Want(errno("unknown"), a, "readdir", pt.Binary("/"))
	if diff := cmp.Diff(before, pt.FDs(a.Pid())); diff != "" {
		t.Errorf("descriptors (-before +after):\n%s", diff)
	}
	p.Want(a.Pid(), a, "getpid")
}

func TestSkippedExitEndsTheProcessAllTheSame(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	enforce(p, a, filterBy(retZero, retAllow, unix.SYS_EXIT, unix.SYS_EXIT_GROUP))
	p.Send(a, "exit", 3)
	p.Await(pt.TermSig(a, "sigkill"))
}
