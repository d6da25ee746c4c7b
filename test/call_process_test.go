// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var somePid = arg(intKind, 99999999)

var processCalls = map[string]call{
	"clone":     {args: []argument{arg(flags, pt.List{pt.Atom("clone_newns")})}, valid: validClone},
	"cpid":      {valid: validCpid},
	"exit":      {args: []argument{arg(intKind, 0)}, valid: validExit},
	"fork":      {valid: validFork},
	"getpgrp":   {valid: func(c *caller) { c.want(syscall.Getpgrp()) }},
	"getpid":    {valid: func(c *caller) { c.want(c.to.Pid()); c.in(nil).want(c.Pid) }},
	"getsid":    {args: []argument{somePid}, valid: validGetsid},
	"kill":      {args: []argument{somePid, arg(oneOf, pt.Atom("sigterm"))}, valid: validKill},
	"setpgid":   {args: []argument{somePid, arg(intKind, 0)}, valid: validSetpgid},
	"setsid":    {valid: validSetsid},
	"sigaction": {args: []argument{arg(oneOf, pt.Atom("sigusr1")), arg(handlers, pt.List{})}, valid: validSigaction},
	"waitpid":   {args: []argument{somePid, arg(flags, pt.List{pt.Atom("wnohang")})}, valid: validWaitpid},
}

// handlers: an atom that is none of the three, and whatever is no atom, is badarg; nothing at all
// is a question.
var handlers = kind{"nil": accepted, "empty binary": accepted}

func validFork(c *caller) {
	b := c.fork()
	b.also(b.to.Pid(), "getpid")
	// The session of a tree started outside of the PID namespace is 0 in it: a fork shares it
	// whatever it is.
	b.also(okTuple(c.Int(c.to, "getsid", 0)), "getsid", 0)
	c.Stop(b.to)
}

func validClone(c *caller) {
	pt.Linux(c.t, "/proc")
	c.need("CAP_SYS_ADMIN", 21)
	host := c.Call(c.to, "gethostname")
	namespaces := func(pid int, kind string) string {
		ns, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		return ns
	}
	for _, n := range []struct{ flag, file string }{
		{"clone_newns", "mnt"}, {"clone_newuts", "uts"}, {"clone_newipc", "ipc"}, {"clone_newuser", "user"},
		{"clone_newpid", "pid"}, {"clone_newnet", "net"}, {"clone_newcgroup", "cgroup"},
	} {
		b := c.Clone(c.to, pt.Atom(n.flag))
		want := b.Pid()
		if n.flag == "clone_newpid" {
			want = 1
		}
		c.Want(want, b, "getpid")
		if a, b := namespaces(c.to.Pid(), n.file), namespaces(b.Pid(), n.file); a == b || b == "" {
			c.t.Errorf("%s: namespace %s, that of the parent %s", n.flag, b, a)
		}
		if threads := pt.Threads(b.Pid()); threads != 1 {
			c.t.Errorf("%s: %d threads", n.flag, threads)
		}
		c.Stop(b)
	}
	// All of them at once, and processes inside.
	b := c.Clone(c.to, "clone_newns", "clone_newuts", "clone_newipc", "clone_newuser", "clone_newpid", "clone_newnet", "clone_newcgroup")
	c.Want(1, b, "getpid")
	d := c.Fork(b)
	if d.Pid() != 2 {
		c.t.Errorf("first child of a new pid namespace is %d", d.Pid())
	}
	c.Want(2, d, "getpid")
	c.Want(ok, b, "sethostname", pt.Binary("inside"))
	c.Want(okTuple(pt.Binary("inside")), d, "gethostname")
	c.Want(host, c.to, "gethostname")
	c.Exec(d, "echo", "out")
	c.Await(pt.Stdout(d, "out\n"))
	c.Await(pt.ExitStatus(d, 0))
	// The end of its first process is the end of a namespace.
	e := c.Fork(b)
	c.Exec(e, "sleep", "1000")
	syscall.Kill(b.Pid(), syscall.SIGKILL)
	c.Await(pt.Ctl(b, "fdctl_closed"))
	c.Await(pt.TermSig(b, "sigkill"))

	// bettered: sharing memory with the parent is refused.
	for _, shared := range []int{0x100, 0x800, 0x10000, 0x100 | 0x4000, 0x100 | 0x800 | 0x10000} {
		c.want(errno("einval"), shared)
	}
	for _, none := range []pt.Term{0, pt.List{}, pt.List{0}} {
		b := c.to.Then(c.Int(c.to, "clone", none))
		c.Want(b.Pid(), b, "getpid")
		c.Stop(b)
	}
	// The low byte is the exit signal's: it may say SIGCHLD, which it is anyhow, and nothing else.
	f := c.to.Then(c.Int(c.to, "clone", 17))
	c.Want(f.Pid(), f, "getpid")
	c.Stop(f)
	c.want(errno("einval"), 8)
	// bettered: clone_newtime makes a time namespace, or is einval; it never leaves a zombie.
	g := c.Call(c.to, "clone", pt.List{pt.Atom("clone_newtime")})
	if r, _ := g.(pt.Tuple); len(r) == 2 && r[0] == ok {
		pid, _ := r[1].(int)
		b := c.to.Then(pid)
		c.Want(pid, b, "getpid")
		if namespaces(c.to.Pid(), "time") == namespaces(pid, "time") {
			c.t.Error("clone_newtime made no time namespace")
		}
		c.Stop(b)
	} else if pt.Format(g) != "{error,einval}" {
		c.t.Errorf("clone([clone_newtime]): %s", pt.Format(g))
	}
	c.also(pt.List{}, "cpid")
}

func validCpid(c *caller) {
	c.want(pt.List{})
	b := c.fork()
	s := slotOf(c.t, c.Port, b.to)
	c.want(pt.List{pt.Tuple{pt.Atom("alcove_pid"), b.to.Pid(), -1, 15, s.Control, s.Stdin, s.Stdout, s.Stderr}})
	d := c.fork()
	// Children of the children are not listed.
	b.fork()
	r := slotOf(c.t, c.Port, d.to)
	c.want(pt.Chained{
		pt.Tuple{pt.Atom("alcove_pid"), b.to.Pid(), -1, 15, s.Control, s.Stdin, s.Stdout, s.Stderr},
		pt.Tuple{pt.Atom("alcove_pid"), d.to.Pid(), -1, 15, r.Control, r.Stdin, r.Stdout, r.Stderr},
	})
}

func validExit(c *caller) {
	b := c.fork()
	c.Send(b.to, "exit", 300)
	c.Next(pt.Ctl(b.to, "fdctl_closed"), pt.ExitStatus(b.to, 44))
}

func validGetsid(c *caller) {
	sid := c.Int(c.to, "getsid", 0)
	c.want(okTuple(sid), c.to.Pid())
	c.want(errno("esrch"), -1)
	c.want(errno("esrch"), 99999999)
	b := c.fork()
	b.also(okTuple(b.to.Pid()), "setsid")
	c.want(okTuple(b.to.Pid()), b.to.Pid())
}

func validKill(c *caller) {
	b := c.fork()
	c.want(ok, b.to.Pid(), pt.Atom("sigusr1"))
	c.SignalOf(b.to, "sigusr1")
	c.want(ok, b.to.Pid(), pt.Atom("SIGUSR2"))
	c.SignalOf(b.to, "sigusr2")
	c.want(ok, b.to.Pid(), 0)
	c.want(ok, b.to.Pid(), 40)
	c.SignalOf(b.to, "unknown")
	c.want(errno("einval"), b.to.Pid(), 65)
	c.want(errno("einval"), b.to.Pid(), -1)
	c.want(errno("esrch"), 99999999, pt.Atom("sigterm"))
	c.want(errno("enotsup"), b.to.Pid(), pt.Atom("sigfoo"))
	c.want(ok, b.to.Pid(), pt.Atom("sigkill"))
	c.Await(pt.Ctl(b.to, "fdctl_closed"))
	c.Await(pt.TermSig(b.to, "sigkill"))
	c.want(errno("esrch"), b.to.Pid(), pt.Atom("sigterm"))
}

func validSetpgid(c *caller) {
	b := c.fork()
	b.want(ok, 0, 0)
	b.also(b.to.Pid(), "getpgrp")
	d := c.fork()
	c.want(ok, d.to.Pid(), b.to.Pid())
	d.also(b.to.Pid(), "getpgrp")
	c.want(errno("einval"), d.to.Pid(), -1)
	c.want(errno("esrch"), 99999999, 0)
	c.want(errno("eperm"), d.to.Pid(), 99999999)
	c.Exec(d.to, "sleep", "1000")
	c.want(errno("eacces"), d.to.Pid(), 0)
}

func validSetsid(c *caller) {
	b := c.fork()
	b.want(okTuple(b.to.Pid()))
	b.want(errno("eperm"))
	b.also(b.to.Pid(), "getpgrp")
}

func validSigaction(c *caller) {
	info, dfl, ign := pt.Atom("sig_info"), pt.Atom("sig_dfl"), pt.Atom("sig_ign")
	for _, signal := range []pt.Term{pt.Atom("sigterm"), pt.Atom("SIGUSR1"), 34, 64, pt.Atom("sigpipe")} {
		c.want(okTuple(info), signal, pt.List{})
		c.want(okTuple(info), signal, dfl)
		c.want(okTuple(dfl), signal, pt.Binary(""))
		c.want(okTuple(dfl), signal, ign)
		c.want(okTuple(ign), signal, pt.List{})
		c.want(okTuple(ign), signal, info)
	}
	for _, wrong := range []pt.Term{pt.Atom("SIG_DFL"), pt.Atom(""), pt.Binary("sig_dfl"), pt.String("sig_dfl"), 0, 1, pt.Tuple{}} {
		c.want(badarg, pt.Atom("sigterm"), wrong)
	}
	// bettered: D12 errors are told.
	c.want(errno("einval"), pt.Atom("sigkill"), ign)
	c.want(errno("einval"), 65, pt.List{})
	// An interrupted sleep is not restarted, and an ignored signal does not interrupt.
	c.want(okTuple(info), pt.Atom("sigusr2"), ign)
	c.also(ok, "kill", c.to.Pid(), pt.Atom("sigusr2"))
	c.Quiet(c.to)
}

func validWaitpid(c *caller) {
	pt.Linux(c.t, "/proc")
	c.want(errno("echild"), -1, pt.List{pt.Atom("wnohang")})
	c.want(errno("einval"), -1, 1<<20)
	c.want(errno("enotsup"), -1, pt.List{pt.Atom("wnothing")})
	c.want(badarg, -1, pt.Atom("wnohang"))
	b := c.fork()
	c.want(okTuple(0, 0, pt.List{}), b.to.Pid(), pt.List{pt.Atom("wnohang")})
	c.want(okTuple(0, 0, pt.List{}), -1, pt.List{pt.Atom("wnohang"), pt.Atom("wuntraced"), pt.Atom("wcontinued")})
	// Blocking, waitpid is faster than the event loop.
	c.Exec(b.to, "/bin/sh", "-c", "read x; exit 3")
	c.Send(c.to, "waitpid", b.to.Pid(), pt.List{})
	pt.Until(c.t, "waitpid waits", func() bool { return pt.SystemCall(c.to.Pid()) == syscall.SYS_WAIT4 })
	f, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/%d", c.to.Pid(), stdinOf(c, b.to)), os.O_WRONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	f.WriteString("\n")
	f.Close()
	c.Next(pt.Reply(c.to, okTuple(b.to.Pid(), 768, pt.List{pt.Tuple{pt.Atom("exit_status"), 3}})))
	c.also(pt.List{}, "cpid")
	c.want(errno("echild"), b.to.Pid(), 0)
	// A signal that dumps core sets bit 128 of the status, if a core file can be had.
	dump := c.fork()
	dump.also(ok, "chdir", pt.Binary(c.t.TempDir()))
	dump.also(okTuple(pt.Atom("sig_info")), "sigaction", pt.Atom("sigabrt"), pt.Atom("sig_dfl"))
	c.Send(c.to, "waitpid", dump.to.Pid(), pt.List{})
	pt.Until(c.t, "waitpid waits", func() bool { return pt.SystemCall(c.to.Pid()) == syscall.SYS_WAIT4 })
	c.Signal(dump.to, syscall.SIGABRT)
	m := c.Reply(c.to, "waitpid")
	killed := pt.List{pt.Tuple{pt.Atom("termsig"), pt.Atom("sigabrt")}}
	if pt.Diff(okTuple(dump.to.Pid(), 6, killed), m) != "" && pt.Diff(okTuple(dump.to.Pid(), 134, killed), m) != "" {
		c.t.Errorf("killed by SIGABRT: %v", m)
	}
}

// stdinOf returns the parent's descriptor for the standard input of a child whose parent does not
// answer now.
func stdinOf(c *caller, child pt.Pipeline) int {
	c.t.Helper()
	want := pt.FDs(child.Pid())[0]
	for fd, target := range pt.FDs(c.to.Pid()) {
		if target == want {
			return fd
		}
	}
	c.t.Fatalf("no descriptor of %v for %s", c.to, want)
	return -1
}

var execCalls = map[string]call{
	"execve":  {args: []argument{somePath, arg(argvKind, argv("x")), arg(argvKind, argv("A=1"))}, valid: validExecve},
	"execvp":  {args: []argument{somePath, arg(argvKind, argv("x"))}, valid: validExecvp},
	"fexecve": {args: []argument{someFD, arg(argvKind, argv("x")), arg(argvKind, argv("A=1"))}, valid: validFexecve},
}

// script writes an executable file and returns its path.
func script(c *caller, name, text string, mode os.FileMode) string {
	c.t.Helper()
	path := filepath.Join(c.t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// runs expects that the call succeeds in a new child, and returns the program's output.
func (c *caller) runs(args ...pt.Term) string {
	c.t.Helper()
	b := c.fork()
	c.Send(b.to, c.name, args...)
	c.Await(pt.Ctl(b.to, "fdctl_closed"))
	return c.Finish(b.to, pt.ExitStatus(b.to, 0))
}

func (c *caller) prints(want string, args ...pt.Term) {
	c.t.Helper()
	if got := c.runs(args...); got != want {
		c.t.Errorf("%s(%s) prints %q, want %q", c.name, pt.Format(pt.List(args)), got, want)
	}
}

func validExecve(c *caller) {
	env := pt.Binary("/usr/bin/env")
	c.prints("A=1\nB=x=y\n", env, argv("env"), argv("A=1", "B=x=y"))
	c.prints("", env, argv("env"), pt.List{})
	c.prints("A=1\n\n", env, argv("env"), pt.List{pt.List{pt.Binary("A"), 61, pt.String("1")}, pt.Binary("")})
	c.want(badarg, pt.Binary("/bin/echo"), pt.List{pt.Binary("echo"), pt.Binary("x\x00y")}, pt.List{})
	c.want(badarg, pt.Binary("/bin/echo"), argv("echo"), pt.List{pt.Binary("A=1\x00B=2")})
	c.prints("[] [a  b] \n", pt.Binary("/bin/sh"), argv("sh", "-c", `printf '[%s] ' "$@"; echo`, "0", "", "a  b"), pt.List{})
	c.want(errno("enoent"), pt.Binary("/no/such/program"), argv("x"), pt.List{})
	c.want(badarg, pt.Binary("/bin/echo\x00x"), argv("x"), pt.List{})
	c.want(errno("enoent"), pt.Binary("\x00"), argv("x"), pt.List{})
	c.want(errno("eacces"), pt.Binary("/etc/passwd"), argv("x"), pt.List{})
	c.want(errno("eacces"), pt.Binary("/tmp"), argv("x"), pt.List{})
	c.want(errno("enotdir"), pt.Binary("/etc/passwd/x"), argv("x"), pt.List{})
	c.want(errno("enoexec"), pt.Binary(script(c, "noexec", "echo x\n", 0o755)), argv("x"), pt.List{})
	// No search.
	c.also(ok, "chdir", pt.Binary("/"))
	c.want(errno("enoent"), pt.Binary("sh"), argv("x"), pt.List{})
	// Without arguments a program gets one that is empty, if it starts at all.
	b := c.fork()
	c.Send(b.to, "execve", pt.Binary("/bin/true"), pt.List{}, pt.List{})
	c.Await(pt.Ctl(b.to, "fdctl_closed"))
	c.Receive("the end", func(m pt.Message) bool { return m.Is(pt.TypeEvent, b.to) })
}

func validExecvp(c *caller) {
	set := func(path string) { c.also(ok, "setenv", pt.Binary("PATH"), pt.Binary(path), 1) }
	set("/usr/bin:/bin")
	c.prints("a b\n", pt.Binary("echo"), argv("echo", "a", "b"))
	c.prints("a\n", pt.Binary("/bin/echo"), argv("any name", "a"))
	c.want(errno("enoent"), pt.Binary("no-such-program"), argv("x"))
	c.want(badarg, pt.Binary("echo\x00x"), argv("x"))
	c.want(errno("enoent"), pt.Binary("\x00"), argv("x"))
	c.want(badarg, pt.Binary("echo"), pt.List{pt.Binary("echo"), pt.Binary("x\x00y")})
	// decided: not looked for at all, wherever PATH leads; and what is too long in PATH is passed
	// over.
	c.want(errno("enametoolong"), pt.Binary(strings.Repeat("p", 256)), argv("x"))
	set("/no/such/folder")
	c.want(errno("enametoolong"), pt.Binary(strings.Repeat("p", 256)), argv("x"))
	set("/" + strings.Repeat("x", 4095) + ":/usr/bin:/bin")
	c.prints("a\n", pt.Binary("echo"), argv("echo", "a"))
	set("/" + strings.Repeat("x", 4095))
	c.want(errno("enoent"), pt.Binary("echo"), argv("echo", "a"))
	set("/usr/bin:/bin")
	c.want(errno("enoent"), pt.Binary(strings.Repeat("p", 255)), argv("x"))
	c.want(errno("enoent"), pt.Binary("./"+strings.Repeat("p", 250)), argv("x"))
	// The environment of the process now.
	c.also(ok, "clearenv")
	c.also(ok, "setenv", pt.Binary("ONLY"), pt.Binary("this"), 1)
	c.prints("ONLY=this\n", pt.Binary("env"), argv("env")) // without PATH: /bin:/usr/bin
	found := filepath.Dir(script(c, "program", "#!/bin/sh\necho found\n", 0o755))
	locked := filepath.Dir(script(c, "program", "#!/bin/sh\necho locked\n", 0o644))
	set("/no/such/folder:/etc/passwd:" + locked + ":" + found)
	c.prints("found\n", pt.Binary("program"), argv("program"))
	set(locked + ":/no/such/folder")
	c.want(errno("eacces"), pt.Binary("program"), argv("program"))
	set("/no/such/folder")
	c.want(errno("enoent"), pt.Binary("program"), argv("program"))
	// An empty element is the working directory, also when it is all there is.
	c.also(ok, "chdir", pt.Binary(found))
	for _, path := range []string{"", ":/no/such/folder", "/no/such/folder:", "/no::/such"} {
		set(path)
		c.prints("found\n", pt.Binary("program"), argv("program"))
	}
	// What the kernel does not recognise is a shell script.
	shell := script(c, "shell", "echo \"$0 $# $1 $2\"\n", 0o755)
	set(filepath.Dir(shell) + ":/bin")
	c.prints(shell+" 2 a b\n", pt.Binary("shell"), argv("name", "a", "b"))
	c.prints(shell+" 0  \n", pt.Binary(shell), argv("name"))
	// An empty list of arguments.
	b := c.fork()
	c.Send(b.to, "execvp", pt.Binary("true"), pt.List{})
	c.Await(pt.Ctl(b.to, "fdctl_closed"))
	c.Receive("the end", func(m pt.Message) bool { return m.Is(pt.TypeEvent, b.to) })
	c.prints(shell+" 0  \n", pt.Binary("shell"), pt.List{})
}

func validFexecve(c *caller) {
	open := func(path string, flags ...pt.Term) int {
		return c.Int(c.to, "open", pt.Binary(path), append(pt.List{pt.Atom("o_rdonly")}, flags...), 0)
	}
	env, echo := open("/usr/bin/env", pt.Atom("o_cloexec")), open("/bin/echo")
	c.prints("A=1\n", env, argv("env"), argv("A=1"))
	c.prints("\n", env, argv("env"), argv(""))
	c.prints("a b\n", echo, argv("echo", "a", "b"), argv("A=1"))
	// Null vectors are refused by libc.
	c.want(errno("einval"), env, pt.List{}, argv("A=1"))
	c.want(errno("einval"), env, argv("env"), pt.List{})
	c.want(errno("einval"), -1, argv("env"), argv("A=1"))
	c.want(errno("ebadf"), 999, argv("env"), argv("A=1"))
	c.want(errno("eacces"), open("/etc/passwd"), argv("x"), argv("A=1"))
	c.want(errno("enoexec"), open(script(c, "noexec", "echo x\n", 0o755)), argv("x"), argv("A=1"))
	c.prints("from a script\n", open(script(c, "exec", "#!/bin/sh\necho from a script\n", 0o755)), argv("x"), argv("A=1"))
}
