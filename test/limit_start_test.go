//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// A start under a condition that a user sets, by a command in front of the program or otherwise.
type condition struct {
	name  string
	under []string
	opts  []pt.Option
	alone bool // it cannot fork
}

// debugged has gdb run a program, whose input and output are those of the shell. They are not
// gdb's.
const debugged = `exec 8<&0 9>&1 </dev/null >/dev/null 2>&1
exec gdb -nx -batch -ex 'handle all nostop noprint pass' -ex "set exec-wrapper sh -c 'exec \"\$0\" \"\$@\" <&8 >&9 8<&- 9>&-'" -ex run --args "$@"`

// limited returns a start by prlimit(1).
func limited(limits ...string) []string { return append([]string{"prlimit"}, limits...) }

func TestTheProgramStartsAndServesUnderEveryLimit(t *testing.T) {
	pt.Need(t, "CAP_SYS_ADMIN", unix.CAP_SYS_ADMIN)
	user := []string{"setpriv", fmt.Sprint("--reuid=", stranger()), fmt.Sprint("--regid=", nogroup), "--clear-groups"}
	fewSignals := limited("--sigpending=0")
	for _, c := range []condition{
		{name: "address space of 16 MiB", under: limited("--as=16777216")},
		{name: "data of 4 MiB", under: limited("--data=4194304")},
		{name: "stack of 64 KiB", under: limited("--stack=65536"), opts: []pt.Option{pt.Env("PATH=/usr/bin:/bin", "A="+strings.Repeat("x", 15000))}},
		{name: "no pending signals", under: fewSignals},
		{name: "no pending signals of a user", under: append(user[:4:4], fewSignals...)},
		{name: "one process of a user", under: append(user[:4:4], limited("--nproc=1")...), alone: true},
		{name: "no /proc", under: []string{"unshare", "-m", "sh", "-c", `umount -l /proc && exec "$@"`, "sh"}},
		{name: "settings of the Go runtime", opts: []pt.Option{pt.Env("PATH=/usr/bin:/bin", "GODEBUG=gctrace=1,schedtrace=1", "GOGC=1", "GOMAXPROCS=64", "GOMEMLIMIT=1", "GOTRACEBACK=crash")}},
		{name: "traced", under: []string{"strace", "-f", "-o", "/dev/null"}},
		{name: "all signals blocked", under: []string{"env", "--block-signal"}},
		{name: "all signals ignored", under: []string{"env", "--ignore-signal"}},
		{name: "without descriptor 2", opts: []pt.Option{pt.Closed(2)}},
		{name: "below valgrind", under: []string{"valgrind", "-q"}},
		{name: "below gdb", under: []string{"sh", "-c", debugged, "sh"}},
	} {
		t.Run(c.name, func(t *testing.T) { c.serve(t) })
	}
}

func (c *condition) serve(t *testing.T) {
	path := installed(t, 0o755)
	fifo := filepath.Join(filepath.Dir(path), "fifo")
	opts := append(c.opts, pt.NoFifo(), pt.Args("-c", fifo))
	if len(c.under) > 0 {
		under := append([]string{pt.Tool(t, c.under[0])}, c.under[1:]...)
		opts = append(opts, pt.Under(append(under, path)...)) // the harness adds the program, which means nothing to it
	}
	p := pt.Launch(t, opts...)
	p.Next(pt.Reply(nil, ok))
	serves(t, p, nil, !c.alone)
}

// serves checks that a process answers calls, and that it forks, or else says why it cannot.
func serves(t *testing.T, p *pt.Port, to pt.Pipeline, forks bool) {
	t.Helper()
	pid := p.Int(to, "getpid")
	if !forks {
		p.Want(errno("eagain"), to, "fork")
		p.Want(pid, to, "getpid")
		return
	}
	a := p.Fork(to)
	p.Want(a.Pid(), a, "getpid")
	b := p.Fork(a)
	p.Sh(b, "echo from below; exit 5")
	p.Await(pt.Stdout(b, "from below\n"))
	p.Await(pt.ExitStatus(b, 5))
	p.Want(pid, to, "getpid")
}

func TestTheProgramStartsWhereTheControlGroupAllowsOneProcess(t *testing.T) {
	group := pidsGroup(t)
	if err := os.WriteFile(filepath.Join(group, "pids.max"), []byte("1"), 0o600); err != nil {
		t.Fatal(err)
	}
	join := fmt.Sprintf(`echo $$ > %s/cgroup.procs && exec "$@"`, group)
	p := pt.Start(t, pt.Under("/bin/sh", "-c", join, "sh"))
	serves(t, p, nil, false)
	p.CloseInput()
	p.Exit() // so that the group can be removed
}

// pidsGroup makes a control group in which processes are counted.
func pidsGroup(t *testing.T) string {
	t.Helper()
	for _, above := range []string{"/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		group := filepath.Join(above, fmt.Sprint("alcove-test-", os.Getpid()))
		if os.Mkdir(group, 0o755) != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(group, "pids.max")); err != nil {
			os.Remove(group)
			continue
		}
		t.Cleanup(func() {
			if err := os.Remove(group); err != nil {
				t.Error(err)
			}
		})
		return group
	}
	t.Skip("needs control groups that count processes, and may be made")
	return ""
}

// That is what prx does after setrlimit.
func TestAProcessUnderLimitsExecutesTheProgramAgain(t *testing.T) {
	pt.Need(t, "CAP_SETUID", unix.CAP_SETUID)
	for _, test := range []struct {
		limit string
		value int
		alone bool
	}{
		{"rlimit_as", 16 << 20, false},
		{"rlimit_data", 4 << 20, false},
		{"rlimit_stack", 64 << 10, false},
		{"rlimit_sigpending", 0, false},
		{"rlimit_nproc", 1, true},
	} {
		t.Run(test.limit, func(t *testing.T) {
			path := installed(t, 0o755)
			p := pt.Start(t, pt.Instead(path))
			a := p.Fork(nil)
			p.Want(ok, a, "setrlimit", pt.Atom(test.limit), pt.Tuple{pt.Atom("alcove_rlimit"), test.value, test.value})
			if test.alone {
				user := stranger()
				p.Want(ok, a, "setresuid", user, user, user)
			}
			fd := p.Int(a, "open", pt.Binary(path), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
			for keep := 3; keep <= 5; keep++ {
				p.Want(okTuple(0), a, "fcntl", keep, pt.Atom("f_setfd"), 0)
			}
			p.Send(a, "fexecve", fd, argv(path, "-d", "1"), argv("PATH=/usr/bin:/bin"))
			p.Next(pt.Reply(a, ok))
			serves(t, p, a, !test.alone)
		})
	}
}

// None of many starts fails, beside two loops that keep processors busy.
func TestEveryOfManyStartsWorks(t *testing.T) {
	const starts, loops = 200, 2
	for range loops {
		loop := exec.Command("sh", "-c", "while :; do :; done")
		if err := loop.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			loop.Process.Kill()
			loop.Wait()
		}()
	}
	for range starts {
		p := pt.Start(t)
		a := p.Fork(nil)
		p.Want(a.Pid(), a, "getpid")
		p.CloseInput()
		if status := p.Exit(); status != 0 {
			t.Fatalf("exit status %d", status)
		}
	}
}

// What a start costs, whatever the machine: this is what its time is made of.
func TestAStartIsSmall(t *testing.T) {
	const mostFaults, mostCalls, mostSpace = 25, 100, 8 << 10 // KiB
	p := pt.Start(t)
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	var faults, space int
	if _, err := fmt.Sscan(strings.Fields(after)[7], &faults); err != nil || faults == 0 || faults > mostFaults {
		t.Errorf("%d page faults, %v, want at most %d", faults, err, mostFaults)
	}
	if _, err := fmt.Sscan(pt.Status(p.Pid, "VmPeak"), &space); err != nil || space == 0 || space > mostSpace {
		t.Errorf("address space of %d KiB, %v, want at most %d", space, err, mostSpace)
	}
	log := filepath.Join(t.TempDir(), "calls")
	pt.Start(t, pt.Under(pt.Tool(t, "strace"), "-f", "-o", log))
	calls, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	first, _, written := strings.Cut(string(calls), ` write(1, "\0\7`)
	if n := strings.Count(first, "\n"); !written || n > mostCalls || strings.Contains(first, "clone") {
		t.Errorf("%d system calls before the first frame, want at most %d, and no thread:\n%s", n, mostCalls, first)
	}
}

func TestAStartByHandSaysHowToBuild(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alcove")
	build := exec.Command("go", "build", "-o", path, "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	r := pt.RunWith(t, []string{"-c", filepath.Join(t.TempDir(), "fifo")}, pt.Instead(path))
	if r.Status != 70 || r.Stdout != "" || !strings.Contains(r.Stderr, "make -C c_src_compat") {
		t.Errorf("%+v, want status 70 and how to build", r)
	}
}

func TestTheStackThatAProcessUsesIsMeasured(t *testing.T) {
	p := pt.Start(t)
	p.Want(p.Pid, nil, "getpid")
	if used := pt.StackUsed(p.Pid); used < 256 || used > pt.MostStack {
		t.Errorf("%d bytes, want at most %d", used, pt.MostStack)
	}
}
