package calls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// An example of a call that a process of several threads can make without
// changing itself.
type example struct {
	args  []Term
	reply Term // nil: that depends on the system and on who asks
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
		missing = Binary("/no/such/file")
		noFD    = -1
		noID    = 1<<32 - 1 // "leave it", or an error
	)
	null, in, someFD := devNull(t), int(zero.Fd()), 1<<20
	path := Binary(file)
	args := List{Binary("x"), String("y")}
	s := List{Binary("abcd"), Tuple{Atom("ptr"), Binary("x")}, Tuple{Atom("ptr"), 100}}
	undefined := func(args ...Term) example { return example{args, undef} }
	fails := func(errno string, args ...Term) example { return example{args, errorTuple(errno)} }
	gives := func(reply Term, args ...Term) example { return example{args, reply} }
	return map[string]example{
		"alloc":            gives(nil, s),
		"batch":            gives(Tuple{Atom("error"), 2, List{Atom("false"), errorTuple("enoent")}}, List{Tuple{nrGetenv, Tuple{Binary("B")}}, Tuple{nrChdir, Tuple{missing}}, Tuple{nrGetpid, Tuple{}}}),
		"cap_constant":     undefined(0),
		"cap_enter":        undefined(),
		"cap_fcntls_get":   undefined(0),
		"cap_fcntls_limit": undefined(0, 0),
		"cap_getmode":      undefined(),
		"cap_ioctls_limit": undefined(0, 0),
		"cap_rights_limit": undefined(0, 0),
		"chdir":            gives(done, Binary(".")),
		"chmod":            gives(done, path, 0o600),
		"chown":            gives(done, path, noID, noID),
		"chroot":           gives(nil, missing),
		"clearenv":         gives(done),
		"clone":            fails("einval", List{0x100}), // clone_vm
		"clone_constant":   gives(0x10000000, Atom("clone_newuser")),
		"close":            fails("ebadf", noFD),
		"connect":          fails("ebadf", noFD, s),
		"cpid":             gives(List{}),
		"environ":          gives(nil),
		"errno_id":         gives(Atom("enoent"), 2),
		"execve":           fails("enoent", missing, args, args),
		"execvp":           fails("enoent", Binary("no-such-program"), args),
		"fcntl":            gives(nil, null, Atom("f_getfd"), 0),
		"fcntl_constant":   gives(1, Atom("f_getfd")),
		"fexecve":          fails("ebadf", someFD, args, args),
		"file_constant":    gives(0o100, Atom("o_creat")),
		"filter":           gives(done, Binary("\x00"), Binary("")),
		"fork":             fails("eagain"), // see newAsker
		"getdents":         gives(Tuple{done, List{}}, emptied(t, dir)),
		"getcwd":           gives(Tuple{done, Binary(cwd)}),
		"getenv":           gives(nil, Binary("PATH")),
		"getgid":           gives(os.Getgid()),
		"getgroups":        gives(nil),
		"gethostname":      gives(Tuple{done, Binary(host)}),
		"getopt":           gives(Atom("false"), Atom("depth")),
		"getpgrp":          gives(nil),
		"getpid":           gives(os.Getpid()),
		"getpriority":      gives(nil, Atom("prio_process"), 0),
		"getresgid":        gives(nil),
		"getresuid":        gives(nil),
		"getrlimit":        gives(nil, Atom("rlimit_core")),
		"getsid":           gives(nil, 0),
		"getuid":           gives(os.Getuid()),
		"ioctl":            gives(Tuple{done, 0, Binary("abc")}, null, Atom("fioclex"), Binary("abc")),
		"ioctl_constant":   gives(0x541b, Atom("fionread")),
		"iolist_to_bin":    gives(Binary("abc"), List{97, Binary("b"), String("c")}),
		"jail":             undefined(0),
		"jail_attach":      undefined(0),
		"jail_remove":      undefined(0),
		"kill":             gives(done, os.Getpid(), 0),
		"link":             fails("enoent", missing, missing),
		"lseek":            gives(done, in, 0, 0),
		"mkdir":            fails("eexist", Binary(dir), 0o700),
		"mkfifo":           fails("eexist", path, 0o600),
		"mount":            gives(nil, Binary("none"), missing, Binary("tmpfs"), List{Atom("ms_nodev")}, Binary("size=1m"), List{}),
		"mount_constant":   gives(uint64(18446744071562067968), Atom("ms_nouser")),
		"open":             fails("enoent", missing, List{Atom("o_rdonly"), Atom("o_cloexec")}, 0),
		"pivot_root":       gives(nil, missing, missing),
		"pledge":           undefined(0, 0),
		"prctl":            gives(nil, Atom("pr_get_name"), s, List{}, Binary("abc"), Atom("pr_set_name")),
		"prctl_constant":   gives(^uint64(0), Atom("pr_set_ptracer_any")),
		"procctl":          undefined(0, 0, 0, 0),
		"ptrace":           fails("esrch", Atom("ptrace_cont"), noFD, s, Binary("abc")),
		"ptrace_constant":  gives(7, Atom("ptrace_cont")),
		"read":             gives(Tuple{done, Binary(make([]byte, 1000))}, in, 1000),
		"readdir":          gives(nil, Binary(dir)),
		"rlimit_constant":  gives(7, Atom("rlimit_nofile")),
		"rmdir":            fails("enoent", missing),
		"seccomp":          gives(done, 2, 0, List{Binary("\x00\x00\xff\x7f")}), // is seccomp_ret_allow known?
		"seccomp_constant": gives(1, Atom("seccomp_set_mode_filter")),
		"select":           gives(Tuple{done, List{in}, List{in}, List{}}, List{int(in)}, String(rune(in)), List{}, Tuple{Atom("alcove_timeval"), 0, 0}),
		"setcpid":          gives(Atom("true"), 1, Atom("flowcontrol"), 0),
		"setenv":           gives(done, Binary("A"), Binary("1"), 1),
		"setgid":           gives(nil, noID),
		"setgroups":        gives(nil, List{noID}),
		"sethostname":      gives(nil, Binary(host)),
		"setns":            fails("ebadf", noFD, Atom("clone_newnet")),
		"setopt":           gives(Atom("true"), Atom("maxforkdepth"), 16),
		"setpgid":          gives(nil, noFD, noFD),
		"setpriority":      fails("einval", 99, 0, 0),
		"setproctitle":     gives(done, Binary("title")),
		"setresgid":        gives(done, noID, noID, noID),
		"setresuid":        gives(done, noID, noID, noID),
		"setrlimit":        fails("einval", Atom("rlimit_nlimits"), Tuple{Atom("alcove_rlimit"), 0, 0}),
		"setuid":           gives(nil, noID),
		"sigaction":        fails("einval", Atom("sigkill"), Atom("sig_ign")),
		"signal_constant":  gives(15, Atom("sigterm")),
		"socket":           fails("eafnosupport", 99, Atom("sock_stream"), 0),
		"symlink":          fails("eexist", Binary("x"), path),
		"syscall":          gives(made(3, in, List{Binary("\x00\x00\x00d"), Tuple{Atom("ptr"), Binary("x")}}, 3), Atom("sys_read"), Tuple{in, List{Binary("abcd"), Tuple{Atom("ptr"), Binary("x")}}, 3}),
		"syscall_constant": gives(nil, Atom("sys_read")),
		"umount":           gives(nil, missing),
		"umount2":          gives(nil, missing, List{Atom("mnt_detach")}),
		"unlink":           fails("enoent", missing),
		"unsetenv":         gives(done, Binary("A")),
		"unshare":          gives(done, List{}),
		"unveil":           undefined(0, 0),
		"version":          gives(Binary("1.0.1")),
		"waitpid":          fails("echild", os.Getpid(), List{Atom("wnohang")}),
		"watch":            fails("ebadf", noFD, List{Atom("readable"), Atom("writable")}),
		"write":            gives(Tuple{done, 3}, null, List{97, Binary("bc")}),
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
				t.Errorf("reply %s", Format(got))
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
				expected := Term(badarg)
				if name == "select" && place < 3 {
					expected = errorTuple("ebadf")
				}
				args := append([]Term{}, all[name].args...)
				for _, odd := range []Term{Float(1), Map{}, Raw{77, 0, 0, 0, 1, 1, 128}} {
					args[place] = odd
					a := newAsker()
					a.p.Options.MaxForkDepth, a.p.Options.MaxChild, a.p.Options.Extensions = 1, 1, true
					if got := a.ask(nr, args...); !cmp.Equal(got, expected) {
						t.Errorf("argument %d, instead of %s: reply %s", place+1, Format(arg), Format(got))
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
		body(Binary("A"), Binary(strings.Repeat("x", 60000)), 1),
		body(Binary("B"), Binary("1"), 1),
		body(Binary("A"), Binary("1"), 1),
		body(Binary("A"), Binary(strings.Repeat("x", 60001)), 1),
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, b := range bodies {
			a.answer(nrSetenv, b)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
