//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// newNames are what libc makes on machines that do not have a system call of x86-64.
var newNames = map[string]string{
	"chmod": "fchmodat", "chown": "fchownat", "dup2": "dup3", "getpgrp": "getpgid", "link": "linkat", "mkdir": "mkdirat",
	"rmdir": "unlinkat", "symlink": "symlinkat", "unlink": "unlinkat",
}

// systemCalls returns the table of what each call may make on this machine.
func systemCalls(t *testing.T) map[string][]string {
	text, err := testdata.ReadFile("testdata/system_calls.txt")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string][]string{}
	for line := range strings.Lines(string(text)) {
		name, made, ok := strings.Cut(line, ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for _, call := range strings.Fields(made) {
			if other := newNames[call]; other != "" && runtime.GOARCH != "amd64" {
				call = other
			}
			table[name] = append(table[name], call)
		}
	}
	return table
}

// tracedArguments are those of calls whose examples do not reach the kernel, wait, or change what
// comes after.
var tracedArguments = map[string][]pt.Term{
	"clone":        {pt.List{pt.Atom("clone_newuts")}},
	"close":        {99},
	"connect":      {99, pt.List{pt.Binary("xx")}},
	"execve":       {pt.Binary("/no/such/program"), argv("x"), argv("A=1")},
	"execvp":       {pt.Binary("no-such-program"), argv("x")},
	"fexecve":      {99, argv("x"), argv("A=1")},
	"mount":        {pt.Binary("x"), pt.Binary("/no/such/folder"), pt.Binary("tmpfs"), pt.List{}, pt.List{}, pt.List{}},
	"read":         {99, 1},
	"readdir":      {pt.Binary("/etc")},
	"seccomp":      {2, 0, pt.List{pt.Binary("\x00\x00\xff\x7f")}},
	"select":       {pt.List{0, 1000}, pt.List{}, pt.List{}, pt.Tuple{pt.Atom("alcove_timeval"), 0, 0}},
	"setopt":       {pt.Atom("maxchild"), 20},
	"setrlimit":    {pt.Atom("rlimit_core"), rlimit(0, 0)},
	"sigaction":    {pt.Atom("sigusr1"), pt.Atom("sig_info")},
	"umount":       {pt.Binary("/no/such/folder")},
	"umount2":      {pt.Binary("/no/such/folder"), pt.List{}},
	"waitpid":      {-1, pt.List{pt.Atom("wnohang")}},
	"write":        {99, pt.Binary("x")},
	"setproctitle": {pt.Binary("a title")},
}

// straceLine takes a line of strace apart: who, what, the first argument.
var straceLine = regexp.MustCompile(`^(\d+) +([a-z][a-z0-9_]*)\(([^,)]*)`)

// ofServing reports whether a system call is one of those that taking a call and replying takes, or
// telling the parent of an exec.
func ofServing(name, argument string) bool {
	switch name {
	case "poll", "ppoll", "restart_syscall", "rt_sigreturn":
		return true
	case "read":
		return argument == "0" || argument == "3" || argument == "5"
	case "write", "writev":
		return argument == "1" || argument == "4" || argument == "5"
	}
	return false
}

// madeBeside are system calls that our calls make beyond the table while no filter can be in force:
// after a change of user the kernel has to be told again whom a signal for descriptor 5 is for.
var madeBeside = map[string][]string{"setuid": {"fcntl"}, "setresuid": {"fcntl"}}

// kept: lists of allowed system calls that were written for the C port.
func TestCallsMakeNoSystemCallsButThoseOfTheTable(t *testing.T) {
	allowed, all := systemCalls(t), allCalls()
	p := pt.Start(t)
	for _, name := range pt.Names() {
		if name == "exit" {
			continue
		}
		args := argumentsOf(all[name], name, tracedArguments)
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid") // it has begun
		trace := pt.Attach(t, a.Pid())
		reply := p.Call(a, name, args...)
		forks := name == "fork" || name == "clone"
		// An ordinary user may not clone into namespaces.
		if forks && reply.(pt.Tuple)[0] == ok {
			b := append(slices.Clone(a), reply.(pt.Tuple)[1].(int))
			p.Want(b.Pid(), b, "getpid")
		}
		for who, made := range systemCallsOf(trace.Lines()) {
			may, whose := append(allowed[name], madeBeside[name]...), name
			if who != a.Pid() {
				may, whose = allowed["child"], "child of "+name
			}
			for _, call := range made {
				passesOn := forks && (call == "read" || call == "write")
				if !passesOn && !slices.Contains(may, call) {
					t.Errorf("%s (reply %s) makes %s", whose, pt.Format(reply), call)
				}
			}
		}
		endOfFile(t, p, a)
	}
}

// systemCallsOf returns the system calls of each process in a trace, without those of serving.
func systemCallsOf(lines []string) map[int][]string {
	made := map[int][]string{}
	for _, line := range lines {
		m := straceLine.FindStringSubmatch(line)
		if m == nil || ofServing(m[2], m[3]) {
			continue
		}
		pid, _ := strconv.Atoi(m[1])
		made[pid] = append(made[pid], m[2])
	}
	return made
}

// The same of calls that succeed and do not return.
func TestCallsThatDoNotReturnMakeNoOtherSystemCalls(t *testing.T) {
	allowed := systemCalls(t)
	for name, args := range map[string][]pt.Term{
		"execve": {pt.Binary("/bin/true"), argv("true"), argv("A=1")},
		"execvp": {pt.Binary("true"), argv("true")},
		"exit":   {3},
	} {
		p := pt.Start(t)
		a := p.Fork(nil)
		p.Want(ok, a, "setenv", pt.Binary("PATH"), pt.Binary("/no/such:/usr/bin:/bin"), 1)
		trace := pt.Attach(t, a.Pid())
		p.Send(a, name, args...)
		p.Await(pt.Ctl(a, "fdctl_closed"))
		for _, line := range trace.Lines() {
			m := straceLine.FindStringSubmatch(line)
			if m == nil || ofServing(m[2], m[3]) {
				continue
			}
			if !slices.Contains(allowed[name], m[2]) {
				t.Errorf("%s makes %s", name, m[2])
			}
			if strings.HasPrefix(m[2], "exec") && strings.HasSuffix(line, "= 0\n") {
				break // the rest is that of the program
			}
		}
	}
}

// The exception to the table: the loop takes one more while signals are queued without end.
func TestAFloodOfSignalsTakesNoSystemCallsButThoseOfTheTable(t *testing.T) {
	allowed := systemCalls(t)["flood"]
	p := pt.Start(t)
	queueFew(p)
	trace := pt.Attach(t, p.Pid)
	stop := flood(p)
	for range 1000 { // more than the pipe holds
		p.SignalOf(nil, "unknown")
	}
	stop()
	made := systemCallsOf(trace.Lines())[p.Pid]
	for _, call := range made {
		if !slices.Contains(allowed, call) {
			t.Errorf("a flooded process makes %s", call)
		}
	}
	for _, call := range allowed {
		if !slices.Contains(made, call) {
			t.Errorf("a flooded process makes no %s", call)
		}
	}
}
