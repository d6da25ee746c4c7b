//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// nobody is the user that starts the program in these tests, and nogroup its group.
const nobody, nogroup = 65534, 65534

// installed returns a copy of the program in a directory where everybody may execute it and
// make a fifo.
func installed(t *testing.T, mode os.FileMode) string {
	t.Helper()
	pt.Need(t, "CAP_SETUID", unix.CAP_SETUID)
	pt.Need(t, "CAP_SETFCAP", unix.CAP_SETFCAP)
	dir, err := os.MkdirTemp("", "installed")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	program, err := os.ReadFile(pt.Program())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "alcove")
	if err := os.WriteFile(path, program, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]os.FileMode{dir: 0o777 | os.ModeSticky, path: mode} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// startInstalled has nobody start the program at path.
func startInstalled(t *testing.T, path string, env ...string) (p *pt.Port, fifo string) {
	t.Helper()
	fifo = filepath.Join(filepath.Dir(path), "fifo")
	// The harness adds the path of the program, an argument that means nothing to it.
	p = pt.Launch(t, pt.Under(pt.Tool(t, "setpriv"), fmt.Sprint("--reuid=", nobody), fmt.Sprint("--regid=", nogroup),
		"--clear-groups", path), pt.NoFifo(), pt.Args("-c", fifo), pt.Env(env...))
	p.Next(pt.Reply(nil, ok))
	return p, fifo
}

func ids(t testing.TB, p *pt.Port, at pt.Pipeline, name string) string {
	t.Helper()
	return pt.Format(p.Call(at, name))
}

func TestSetuidProgramActsAsItsOwnerForTheUserThatStartsIt(t *testing.T) {
	path := installed(t, 0o755|os.ModeSetuid)
	p, fifo := startInstalled(t, path, "PATH=/usr/bin:/bin")
	a := p.Fork(nil)
	for _, at := range []pt.Pipeline{nil, a} {
		if got := ids(t, p, at, "getresuid"); got != "{ok,65534,0,0}" {
			t.Errorf("users of %v: %s", at, got)
		}
		if got := ids(t, p, at, "getresgid"); got != "{ok,65534,65534,65534}" {
			t.Errorf("groups of %v: %s", at, got)
		}
	}
	var st unix.Stat_t
	if err := unix.Stat(fifo, &st); err != nil {
		t.Fatal(err)
	}
	if st.Uid != 0 || st.Gid != nogroup || st.Mode != unix.S_IFIFO|0o644 {
		t.Errorf("fifo of %d:%d with mode %o", st.Uid, st.Gid, st.Mode)
	}
	b := p.Fork(nil)
	p.Exec(b, "grep", "^Uid", "/proc/self/status")
	if out := p.Finish(b, pt.ExitStatus(b, 0)); out != "Uid:\t65534\t0\t0\t0\n" {
		t.Errorf("a program below has %q", out)
	}
	for _, set := range []string{"setresgid", "setresuid"} {
		p.Want(ok, a, set, nobody, nobody, nobody)
		p.Want(ok, nil, set, 0, 0, 0)
	}
	p.Want(errno("eperm"), a, "setresuid", 0, 0, 0)
}

// C libraries and the Go runtime change the environment of a program with such rights.
func TestInstalledProgramsHandOnTheEnvironmentAsItIs(t *testing.T) {
	for name, path := range map[string]string{
		"setuid":       installed(t, 0o755|os.ModeSetuid),
		"capabilities": withCapabilities(t, "cap_sys_chroot+ep"),
		"neither":      installed(t, 0o755),
	} {
		for _, env := range [][]string{
			{"PATH=/usr/bin:/bin", "LD_LIBRARY_PATH=/no/such", "IFS=x"},
			{"A=1", "GOTRACEBACK=crash", "GODEBUG=x", "B=2"},
			{"GOTRACEBACK=none"},
			{},
		} {
			p, fifo := startInstalled(t, path, env...)
			want := pt.Chained{}
			for _, e := range env {
				want = append(want, pt.Binary(e))
			}
			p.Want(want, nil, "environ")
			if t.Failed() {
				t.Errorf("%s with %q", name, env)
			}
			if err := os.Remove(fifo); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func withCapabilities(t *testing.T, caps string) string {
	t.Helper()
	path := installed(t, 0o755)
	if out, err := exec.Command(pt.Tool(t, "setcap"), caps, path).CombinedOutput(); err != nil {
		t.Fatalf("setcap: %v: %s", err, out)
	}
	return path
}

func TestFileCapabilitiesArePassedToProcessesAndNotToPrograms(t *testing.T) {
	p, _ := startInstalled(t, withCapabilities(t, "cap_sys_chroot,cap_net_raw+ep"), "PATH=/usr/bin:/bin")
	const both = "0000000000042000"
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	for _, pid := range []int{p.Int(nil, "getpid"), a.Pid()} {
		if got := pt.Status(pid, "CapEff"); got != both {
			t.Errorf("capabilities of %d: %s, want %s", pid, got, both)
		}
	}
	p.Want(ok, a, "chroot", pt.Binary("/usr"))
	b := p.Fork(nil)
	p.Exec(b, "grep", "CapEff", "/proc/self/status")
	if out := p.Finish(b, pt.ExitStatus(b, 0)); out != "CapEff:\t0000000000000000\n" {
		t.Errorf("a program below has %q", out)
	}
}

// What one user's process may do to another's is nothing: not read what goes to it, not
// write what it would say, not stop it.
func TestProcessThatGaveUpItsRightsCannotReachOthers(t *testing.T) {
	pt.Need(t, "CAP_SETUID", unix.CAP_SETUID)
	p := pt.Start(t)
	a, b := p.Fork(nil), p.Fork(nil)
	p.Exec(b, "cat")
	p.Want(ok, a, "setresgid", nogroup, nogroup, nogroup)
	p.Want(ok, a, "setresuid", nobody, nobody, nobody)
	for _, pid := range []int{p.Pid, b.Pid()} {
		for fd := range 6 {
			for _, flag := range []pt.Atom{"o_rdonly", "o_wronly"} {
				path := fmt.Sprintf("/proc/%d/fd/%d", pid, fd)
				p.Want(errno("eacces"), a, "open", pt.Binary(path), pt.List{flag}, 0)
			}
		}
		p.Want(errno("eperm"), a, "kill", pid, 0)
		p.Want(errno("eperm"), a, "ptrace", pt.Atom("ptrace_seize"), pid, 0, 0)
	}
	p.Stdin(b, "x")
	p.Await(pt.Stdout(b, "x"))
}

// Descriptors of siblings are closed in a process, so that there is nothing to reach even
// for one with the same rights, short of /proc.
func TestProcessHasNoDescriptorsOfItsSiblings(t *testing.T) {
	p := pt.Start(t)
	for range 5 {
		p.Exec(p.Fork(nil), "cat")
	}
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	if fds := pt.FDs(a.Pid()); len(fds) != 6 {
		t.Errorf("descriptors of the sixth child: %v", fds)
	}
}

func TestUserMaySignalASetuidProgramUntilItChangesItsRealUser(t *testing.T) {
	p, _ := startInstalled(t, installed(t, 0o755|os.ModeSetuid), "PATH=/usr/bin:/bin")
	as := func() error {
		c := exec.Command(pt.Tool(t, "kill"), "-USR1", fmt.Sprint(p.Int(nil, "getpid")))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nogroup}}
		return c.Run()
	}
	if err := as(); err != nil {
		t.Errorf("signal from the user that started it: %v", err)
	}
	p.SignalOf(nil, "sigusr1")
	p.Want(ok, nil, "setresuid", 0, 0, 0)
	if err := as(); err == nil {
		t.Error("a signal from another user")
	}
	p.Quiet()
}

func TestOrdinaryUserHasAllRightsInsideAUserNamespace(t *testing.T) {
	p, _ := startInstalled(t, installed(t, 0o755), "PATH=/usr/bin:/bin")
	p.Want(errno("eperm"), nil, "clone", pt.List{pt.Atom("clone_newns")})
	a := p.Clone(nil, "clone_newuser", "clone_newns", "clone_newpid", "clone_newnet", "clone_newuts")
	write := func(file, text string) {
		fd := p.Int(nil, "open", pt.Binary(fmt.Sprintf("/proc/%d/%s", a.Pid(), file)), pt.List{pt.Atom("o_wronly")}, 0)
		p.Want(okTuple(len(text)), nil, "write", fd, pt.Binary(text))
		p.Want(ok, nil, "close", fd)
	}
	write("setgroups", "deny")
	write("uid_map", fmt.Sprintf("0 %d 1", nobody))
	write("gid_map", fmt.Sprintf("0 %d 1", nogroup))
	p.Want(0, a, "getuid")
	p.Want(1, a, "getpid")
	p.Want(ok, a, "sethostname", pt.Binary("sandbox"))
	p.Want(ok, a, "mount", pt.Binary("tmpfs"), pt.Binary("/tmp"), pt.Binary("tmpfs"), pt.List{}, pt.List{}, pt.List{})
	p.Want(ok, a, "chroot", pt.Binary("/tmp"))
}
