// SPDX-License-Identifier: ISC

package calls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// An example of a call that a process of several threads can make without
// changing itself.
type example struct {
	args  []pt.Term
	reply pt.Term // nil: that depends on the system and on who asks
}

// Calls that cannot be made here are left out, with the reason.
var notHere = map[string]string{
	"exit":   "would end the tests",
	"setsid": "would take the tests from their terminal",
}

// examples returns one for every other call.
func examples(t *testing.T) map[string]example {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("data"), 0o600); err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { zero.Close() })
	cwd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	const (
		missing = pt.Binary("/no/such/file")
		noFD    = -1
		noID    = 1<<32 - 1 // "leave it", or an error
	)
	null, in, someFD := devNull(t), int(zero.Fd()), 1<<20
	path := pt.Binary(file)
	args := pt.List{pt.Binary("x"), pt.String("y")}
	s := pt.List{pt.Binary("abcd"), pt.Tuple{pt.Atom("ptr"), pt.Binary("x")}, pt.Tuple{pt.Atom("ptr"), 100}}
	undefined := func(args ...pt.Term) example { return example{args, undef} }
	fails := func(errno string, args ...pt.Term) example { return example{args, errorTuple(errno)} }
	gives := func(reply pt.Term, args ...pt.Term) example { return example{args, reply} }
	return map[string]example{
		"alloc":            gives(nil, s),
		"batch":            gives(pt.Tuple{pt.Atom("error"), 2, pt.List{pt.Atom("false"), errorTuple("enoent")}}, pt.List{pt.Tuple{nrGetenv, pt.Tuple{pt.Binary("B")}}, pt.Tuple{nrChdir, pt.Tuple{missing}}, pt.Tuple{nrGetpid, pt.Tuple{}}}),
		"cap_constant":     undefined(0),
		"cap_enter":        undefined(),
		"cap_fcntls_get":   undefined(0),
		"cap_fcntls_limit": undefined(0, 0),
		"cap_getmode":      undefined(),
		"cap_ioctls_limit": undefined(0, 0),
		"cap_rights_limit": undefined(0, 0),
		"chdir":            gives(done, pt.Binary(".")),
		"chmod":            gives(done, path, 0o600),
		"chown":            gives(done, path, noID, noID),
		"chroot":           gives(nil, missing),
		"clearenv":         gives(done),
		"clone":            fails("einval", pt.List{0x100}), // clone_vm
		"clone_constant":   gives(0x10000000, pt.Atom("clone_newuser")),
		"close":            fails("ebadf", noFD),
		"connect":          fails("ebadf", noFD, s),
		"cpid":             gives(pt.List{}),
		"environ":          gives(nil),
		"errno_id":         gives(pt.Atom("enoent"), 2),
		"execve":           fails("enoent", missing, args, args),
		"execvp":           fails("enoent", pt.Binary("no-such-program"), args),
		"fcntl":            gives(nil, null, pt.Atom("f_getfd"), 0),
		"fcntl_constant":   gives(1, pt.Atom("f_getfd")),
		"fexecve":          fails("ebadf", someFD, args, args),
		"file_constant":    gives(0o100, pt.Atom("o_creat")),
		"filter":           gives(done, pt.Binary("\x00"), pt.Binary("")),
		"fork":             fails("eagain"), // see newAsker
		"getdents":         gives(pt.Tuple{done, pt.List{}}, emptied(t, dir)),
		"getcwd":           gives(pt.Tuple{done, pt.Binary(cwd)}),
		"getenv":           gives(nil, pt.Binary("PATH")),
		"getgid":           gives(os.Getgid()),
		"getgroups":        gives(nil),
		"gethostname":      gives(pt.Tuple{done, pt.Binary(host)}),
		"getopt":           gives(pt.Atom("false"), pt.Atom("depth")),
		"getpgrp":          gives(nil),
		"getpid":           gives(os.Getpid()),
		"getpriority":      gives(nil, pt.Atom("prio_process"), 0),
		"getresgid":        gives(nil),
		"getresuid":        gives(nil),
		"getrlimit":        gives(nil, pt.Atom("rlimit_core")),
		"getsid":           gives(nil, 0),
		"getuid":           gives(os.Getuid()),
		"ioctl":            gives(pt.Tuple{done, 0, pt.Binary("abc")}, null, pt.Atom("fioclex"), pt.Binary("abc")),
		"ioctl_constant":   gives(0x541b, pt.Atom("fionread")),
		"iolist_to_bin":    gives(pt.Binary("abc"), pt.List{97, pt.Binary("b"), pt.String("c")}),
		"jail":             undefined(0),
		"jail_attach":      undefined(0),
		"jail_remove":      undefined(0),
		"kill":             gives(done, os.Getpid(), 0),
		"link":             fails("enoent", missing, missing),
		"lseek":            gives(done, in, 0, 0),
		"mkdir":            fails("eexist", pt.Binary(dir), 0o700),
		"mkfifo":           fails("eexist", path, 0o600),
		"mount":            gives(nil, pt.Binary("none"), missing, pt.Binary("tmpfs"), pt.List{pt.Atom("ms_nodev")}, pt.Binary("size=1m"), pt.List{}),
		"mount_constant":   gives(uint64(18446744071562067968), pt.Atom("ms_nouser")),
		"open":             fails("enoent", missing, pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0),
		"pivot_root":       gives(nil, missing, missing),
		"pledge":           undefined(0, 0),
		"prctl":            gives(nil, pt.Atom("pr_get_name"), s, pt.List{}, pt.Binary("abc"), pt.Atom("pr_set_name")),
		"prctl_constant":   gives(^uint64(0), pt.Atom("pr_set_ptracer_any")),
		"procctl":          undefined(0, 0, 0, 0),
		"ptrace":           fails("esrch", pt.Atom("ptrace_cont"), noFD, s, pt.Binary("abc")),
		"ptrace_constant":  gives(7, pt.Atom("ptrace_cont")),
		"read":             gives(pt.Tuple{done, pt.Binary(make([]byte, 1000))}, in, 1000),
		"readdir":          gives(nil, pt.Binary(dir)),
		"rlimit_constant":  gives(7, pt.Atom("rlimit_nofile")),
		"rmdir":            fails("enoent", missing),
		"seccomp":          gives(done, 2, 0, pt.List{pt.Binary("\x00\x00\xff\x7f")}), // is seccomp_ret_allow known?
		"seccomp_constant": gives(1, pt.Atom("seccomp_set_mode_filter")),
		"select":           gives(pt.Tuple{done, pt.List{in}, pt.List{in}, pt.List{}}, pt.List{int(in)}, pt.String(rune(in)), pt.List{}, pt.Tuple{pt.Atom("alcove_timeval"), 0, 0}),
		"setcpid":          gives(pt.Atom("true"), 1, pt.Atom("flowcontrol"), 0),
		"setenv":           gives(done, pt.Binary("A"), pt.Binary("1"), 1),
		"setgid":           gives(nil, noID),
		"setgroups":        gives(nil, pt.List{noID}),
		"sethostname":      gives(nil, pt.Binary(host)),
		"setns":            fails("ebadf", noFD, pt.Atom("clone_newnet")),
		"setopt":           gives(pt.Atom("true"), pt.Atom("maxforkdepth"), 16),
		"setpgid":          gives(nil, noFD, noFD),
		"setpriority":      fails("einval", 99, 0, 0),
		"setproctitle":     gives(done, pt.Binary("title")),
		"setresgid":        gives(done, noID, noID, noID),
		"setresuid":        gives(done, noID, noID, noID),
		"setrlimit":        fails("einval", pt.Atom("rlimit_nlimits"), pt.Tuple{pt.Atom("alcove_rlimit"), 0, 0}),
		"setuid":           gives(nil, noID),
		"sigaction":        fails("einval", pt.Atom("sigkill"), pt.Atom("sig_ign")),
		"signal_constant":  gives(15, pt.Atom("sigterm")),
		"socket":           fails("eafnosupport", 99, pt.Atom("sock_stream"), 0),
		"symlink":          fails("eexist", pt.Binary("x"), path),
		"syscall":          gives(made(3, in, pt.List{pt.Binary("\x00\x00\x00d"), pt.Tuple{pt.Atom("ptr"), pt.Binary("x")}}, 3), pt.Atom("sys_read"), pt.Tuple{in, pt.List{pt.Binary("abcd"), pt.Tuple{pt.Atom("ptr"), pt.Binary("x")}}, 3}),
		"syscall_constant": gives(nil, pt.Atom("sys_read")),
		"umount":           gives(nil, missing),
		"umount2":          gives(nil, missing, pt.List{pt.Atom("mnt_detach")}),
		"unlink":           fails("enoent", missing),
		"unsetenv":         gives(done, pt.Binary("A")),
		"unshare":          gives(done, pt.List{}),
		"unveil":           undefined(0, 0),
		"version":          gives(pt.Binary("1.0.1")),
		"waitpid":          fails("echild", os.Getpid(), pt.List{pt.Atom("wnohang")}),
		"watch":            fails("ebadf", noFD, pt.List{pt.Atom("readable"), pt.Atom("writable")}),
		"write":            gives(pt.Tuple{done, 3}, null, pt.List{97, pt.Binary("bc")}),
	}
}

// emptied opens a directory and reads all of it.
func emptied(t *testing.T, dir string) int {
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.Readdirnames(-1); err != nil {
		t.Fatal(err)
	}
	return int(f.Fd())
}

func TestEveryCallHasAnExampleOrAReason(t *testing.T) {
	all := examples(t)
	for _, name := range callNames {
		if name == "" {
			continue
		}
		_, there := all[name]
		if _, not := notHere[name]; there == not {
			t.Errorf("%s: want an example or a reason why there is none", name)
		}
	}
}

func TestEveryCallReadsItsArgumentsAndAnswers(t *testing.T) {
	all := examples(t)
	for nr, name := range callNames {
		if name == "" || notHere[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := newAsker("PATH=/bin", "A=1")
			a.p.Options.MaxForkDepth, a.p.Options.MaxChild, a.p.Options.Extensions = 1, 1, true
			if name == "fork" {
				a.p.Options.MaxChild = 0
			}
			got := a.ask(nr, all[name].args...)
			if reply := all[name].reply; reply != nil {
				want(t, got, reply)
			} else if got == badarg || got == undef {
				t.Errorf("reply %s", pt.Format(got))
			}
			// What a batch has left are calls that it did not make.
			if rest := len(a.args.Rest()); rest != 2 && all[name].reply != undef && name != "batch" {
				t.Errorf("%d bytes are left behind the last argument, want the slack", rest)
			}
		})
	}
}

func TestEveryCallRefusesTypesThatAreUnknown(t *testing.T) {
	all := examples(t)
	for nr, name := range callNames {
		for place, arg := range all[name].args {
			if all[name].reply == undef {
				continue
			}
			t.Run(name, func(t *testing.T) {
				expected := pt.Term(badarg)
				if name == "select" && place < 3 {
					expected = errorTuple("ebadf")
				}
				args := append([]pt.Term{}, all[name].args...)
				for _, odd := range []pt.Term{pt.Float(1), pt.Map{}, pt.Raw{77, 0, 0, 0, 1, 1, 128}} {
					args[place] = odd
					a := newAsker()
					a.p.Options.MaxForkDepth, a.p.Options.MaxChild, a.p.Options.Extensions = 1, 1, true
					if got := a.ask(nr, args...); !cmp.Equal(got, expected) {
						t.Errorf("argument %d, instead of %s: reply %s", place+1, pt.Format(arg), pt.Format(got))
					}
				}
			})
		}
	}
}

func TestNoCallAllocates(t *testing.T) {
	all := examples(t)
	for nr, name := range callNames {
		if name == "" || notHere[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			a := newAsker("PATH=/bin", "A=1")
			a.p.Options.Extensions = true
			good := body(all[name].args...)
			refused := append(body(), 0)
			if n := testing.AllocsPerRun(100, func() {
				a.answer(nr, good)
				a.answer(nr, refused)
			}); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// The exception: an environment that outgrows its memory gets more of it, and
// keeps it.
func TestAVariableThatGrowsAndShrinksDoesNotAllocate(t *testing.T) {
	a := newAsker()
	bodies := [][]byte{
		body(pt.Binary("A"), pt.Binary(strings.Repeat("x", 60000)), 1),
		body(pt.Binary("B"), pt.Binary("1"), 1),
		body(pt.Binary("A"), pt.Binary("1"), 1),
		body(pt.Binary("A"), pt.Binary(strings.Repeat("x", 60001)), 1),
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range bodies {
			a.answer(nrSetenv, b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
