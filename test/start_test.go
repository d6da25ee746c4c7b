// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// kept: the first frame.
func TestFirstMessageIsTheAtomOkAndNothingElse(t *testing.T) {
	p := pt.Launch(t)
	p.Next(pt.Reply(nil, ok))
	p.Quiet()
	if got := p.Raw()[:9]; got != "\x00\x07\x00\x04\x83\x77\x02ok" {
		t.Errorf("first bytes % x", got)
	}
}

func TestDriverHandshakeOpensTheFifoAndHasThePortUnlinkIt(t *testing.T) {
	p := pt.Launch(t)
	p.Next(pt.Reply(nil, ok))
	f, err := os.Open(p.Fifo) // does not block: the port holds it open for reading and writing
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.Send(nil, "unlink", pt.Binary(p.Fifo))
	p.Next(pt.Reply(nil, ok))
	if _, err := os.Stat(p.Fifo); !os.IsNotExist(err) {
		t.Errorf("fifo after unlink: %v", err)
	}
}

// kept: -c, -d, -m, -h and the exit codes of a start that fails.
func TestCommandLineDecidesTheExitStatus(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	existing := filepath.Join(dir, "existing")
	if err := os.WriteFile(existing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	fifos := 0
	fifo := func() string { fifos++; return filepath.Join(dir, fmt.Sprint("fifo", fifos)) }
	usage := "usage: " + pt.Program() + " -c <path> [<options>]"
	for _, c := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"help", []string{"-h"}, 95, []string{"alcove", "1.0.1", usage}},
		{"help after other options", []string{"-m", "3", "-c", fifo(), "-h"}, 95, []string{usage}},
		{"unknown option", []string{"-x"}, 95, []string{"x", usage}},
		{"unknown long option", []string{"--help"}, 95, []string{usage}},
		{"-c without a path", []string{"-c"}, 95, []string{"c", usage}},
		{"-m without a number", []string{"-c", fifo(), "-m"}, 95, []string{"m", usage}},
		{"-d without a number", []string{"-d"}, 95, []string{"d", usage}},
		{"no fifo", nil, 22, nil},
		{"only other arguments", []string{"foo"}, 22, nil},
		{"depth above 255", []string{"-d", "256"}, 11, nil},
		{"negative depth", []string{"-d", "-1"}, 11, nil},
		{"depth above 255 modulo 65536", []string{"-d", "65792"}, 11, nil},
		{"options from left to right", []string{"-d", "300", "-h"}, 11, nil},
		{"more children than descriptors", []string{"-m", fmt.Sprint(limit.Cur/6 + 1), "-c", fifo()}, 11, nil},
		{"fifo that exists", []string{"-c", existing}, 17, nil},
		{"fifo in a folder that does not", []string{"-c", filepath.Join(dir, "no", "fifo")}, 2, nil},
		{"empty path", []string{"-c", ""}, 2, nil},
		{"fifo below a file", []string{"-c", filepath.Join(existing, "fifo")}, 20, nil},
		{"everything right", []string{"-c", fifo()}, 0, nil},
		{"arguments joined to their options", []string{"-c" + fifo(), "-m3"}, 0, nil},
		{"further arguments", []string{"-c", fifo(), "foo", "bar"}, 0, nil},
		{"number of children 0 modulo 65536", []string{"-m", "65536", "-c", fifo()}, 0, nil},
		{"number of children that is none", []string{"-m", "x", "-c", fifo()}, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := pt.Run(t, c.args...)
			if got.Status != c.status {
				t.Errorf("exit status %d, want %d", got.Status, c.status)
			}
			for _, s := range c.says {
				if !strings.Contains(got.Stderr, s) {
					t.Errorf("stderr %q does not contain %q", got.Stderr, s)
				}
			}
			if len(c.says) == 0 && got.Stderr != "" {
				t.Errorf("stderr %q", got.Stderr)
			}
			if started := got.Stdout != ""; started != (c.status == 0) {
				t.Errorf("stdout %q with status %d", got.Stdout, got.Status)
			}
		})
	}
}

func TestStartWithoutEnoughDescriptorsExitsWithEMFILE(t *testing.T) {
	p := pt.Launch(t, pt.Shell("ulimit -n 5"), pt.AnyEnd())
	if got := p.Exit(); got != int(unix.EMFILE) {
		t.Errorf("exit status %d, want EMFILE", got)
	}
}

func TestFirstMessageThatCannotBeWrittenIsExitStatus5(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	p := pt.Launch(t, pt.Open(1, null))
	if got := p.Exit(); got != 5 {
		t.Errorf("exit status %d, want 5", got)
	}
}

func TestFifoIsMadeWithMode0644AndTheUmask(t *testing.T) {
	for _, c := range []struct {
		umask string
		want  os.FileMode
	}{{"022", 0o644}, {"077", 0o600}, {"0", 0o644}, {"0133", 0o644}, {"0177", 0o600}} {
		p := pt.Launch(t, pt.Shell("umask "+c.umask))
		p.Next(pt.Reply(nil, ok))
		st, err := os.Stat(p.Fifo)
		if err != nil {
			t.Fatal(err)
		}
		if want := c.want | os.ModeNamedPipe; st.Mode() != want {
			t.Errorf("umask %s: mode %v, want %v", c.umask, st.Mode(), want)
		}
	}
}

// fdFlags returns the status flags and close-on-exec of a process's descriptor.
func fdFlags(t testing.TB, pid, fd int) (flags int) {
	pt.Linux(t, "/proc")
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%d", pid, fd))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		fmt.Sscanf(line, "flags: %o", &flags)
	}
	return flags
}

func TestPortHasSixDescriptorsWithTheFlagsThatTheyNeed(t *testing.T) {
	p := pt.Start(t)
	fds := pt.FDs(p.Pid)
	if got := slices.Sorted(maps.Keys(fds)); !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) {
		t.Fatalf("descriptors %v", fds)
	}
	if fds[3] != fds[4] || !strings.HasPrefix(fds[3], "pipe:") {
		t.Errorf("3 and 4 are %s and %s, want one pipe", fds[3], fds[4])
	}
	const private = unix.O_NONBLOCK | unix.O_CLOEXEC
	for fd, want := range map[int]int{3: unix.O_RDONLY | private, 4: unix.O_WRONLY | private, 5: unix.O_RDWR | private} {
		if got := fdFlags(t, p.Pid, fd) &^ (largeFile | unix.O_NOFOLLOW); got != want {
			t.Errorf("descriptor %d has flags %#o, want %#o", fd, got, want)
		}
	}
}

// bettered: D21, D23 descriptors that are in the way at the start.
func TestAnyOfDescriptors0To5MayBeOpenOrClosedAtStart(t *testing.T) {
	for set := range 64 {
		var name []string
		for fd := range 6 {
			if set>>fd&1 == 1 {
				name = append(name, fmt.Sprint(fd))
			}
		}
		t.Run("open "+strings.Join(name, " "), func(t *testing.T) {
			t.Parallel()
			startWithDescriptors(t, func(fd int) bool { return set>>fd&1 == 1 })
		})
	}
}

// startWithoutPeer starts a program that has no input, or no output and an input at its end.
func startWithoutPeer(t *testing.T, talks bool, opts []pt.Option) {
	const noOutput = int(unix.EBADF)
	p := pt.Launch(t, append(opts, pt.AnyEnd())...)
	p.CloseInput()
	want := noOutput
	if talks {
		p.Next(pt.Reply(nil, ok))
		want = 0
	}
	if got := p.Exit(); got != want {
		t.Errorf("exit status %d, want %d", got, want)
	}
}

func startWithDescriptors(t *testing.T, open func(fd int) bool) {
	opts := []pt.Option{pt.Talks()}
	var kept []string
	for fd := range 6 {
		switch {
		case fd < 3 && !open(fd):
			opts = append(opts, pt.Closed(fd))
		case fd >= 3 && open(fd):
			f, err := os.Create(filepath.Join(t.TempDir(), fmt.Sprint("file", fd)))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			kept = append(kept, f.Name())
			opts = append(opts, pt.Open(fd, f))
		}
	}
	if !open(0) || !open(1) {
		startWithoutPeer(t, open(1), opts)
		return
	}
	p := pt.Start(t, opts...)
	for _, name := range kept {
		if !slices.Contains(slices.Collect(maps.Values(pt.FDs(p.Pid))), name) {
			t.Errorf("%s was open at the start and is not any more: %v", name, pt.FDs(p.Pid))
		}
	}
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Sh(a, "echo out; echo err >&2; exit 3")
	p.Await(pt.Stdout(a, "out\n"))
	p.Await(pt.Stderr(a, "err\n"))
	p.Await(pt.ExitStatus(a, 3))
}

func TestEverySignalThatAcceptsAHandlerHasOne(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Start(t, pt.Shell(`trap "" USR1 HUP PIPE`))
	for field, want := range map[string]string{
		"SigCgt": "fffffffe7ffbfeff",
		"SigIgn": "0000000000000000",
		"SigBlk": "0000000000000000",
	} {
		if got := pt.Status(p.Pid, field); got != want {
			t.Errorf("%s %s, want %s", field, got, want)
		}
	}
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	if got := pt.Status(a.Pid(), "SigCgt"); got != "fffffffe7ffbfeff" {
		t.Errorf("SigCgt of a child: %s", got)
	}
}

func TestUnlimitedSoftStackLimitBecomes8MiB(t *testing.T) {
	var stack unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_STACK, &stack); err != nil {
		t.Fatal(err)
	}
	hard := pt.Term(uint64(stack.Max))
	if stack.Max == unix.RLIM_INFINITY {
		p := pt.Start(t, pt.Shell("ulimit -S -s unlimited"))
		p.Want(okTuple(rlimit(8388608, hard)), nil, "getrlimit", pt.Atom("rlimit_stack"))
	}
	p := pt.Start(t, pt.Shell("ulimit -S -s 4096"))
	p.Want(okTuple(rlimit(4096*1024, hard)), nil, "getrlimit", pt.Atom("rlimit_stack"))
}

// A Go program finds its soft limit raised to the hard one; programs that it execs must not.
func TestDescriptorLimitIsTheOneAtTheStart(t *testing.T) {
	p := pt.Start(t, pt.Shell("ulimit -S -n 77; ulimit -H -n 99"))
	p.Want(okTuple(rlimit(77, 99)), nil, "getrlimit", pt.Atom("rlimit_nofile"))
	a := p.Fork(nil)
	p.Want(okTuple(rlimit(77, 99)), a, "getrlimit", pt.Atom("rlimit_nofile"))
	p.Sh(a, "ulimit -S -n; ulimit -H -n")
	if out := p.Finish(a, pt.ExitStatus(a, 0)); out != "77\n99\n" {
		t.Errorf("ulimit says %q", out)
	}
}

func TestNumberOfChildrenFollowsFromTheDescriptorLimit(t *testing.T) {
	for limit, want := range map[int]int{
		8: 0, 11: 0, 12: 1, 17: 1, 18: 2, 24: 3, 389: 63, 390: 64, 1024: 64,
	} {
		p := pt.Start(t, pt.Shell(fmt.Sprint("ulimit -n ", limit)))
		p.Want(want, nil, "getopt", pt.Atom("maxchild"))
	}
	p := pt.Start(t, pt.Args("-m", "3"))
	p.Want(3, nil, "getopt", pt.Atom("maxchild"))
	p = pt.Start(t, pt.Args("-m", "0"))
	p.Want(0, nil, "getopt", pt.Atom("maxchild"))
	p.Want(errno("eagain"), nil, "fork")
}

// environment of a start, and what the environ call and a program below see.
func TestEnvironmentKeepsOneEntryForEachName(t *testing.T) {
	for _, c := range []struct {
		name      string
		env, want []string
	}{
		{"as it is", []string{"A=1", "B=", "C=x=y"}, []string{"A=1", "B=", "C=x=y"}},
		{"without equals sign", []string{"A=1", "novalue", "", "B=2"}, []string{"A=1", "B=2"}},
		{"first place, last value", []string{"A=1", "B=2", "A=3", "C=4", "A=5"}, []string{"A=5", "B=2", "C=4"}},
		{"empty name", []string{"A=1", "novalue", "=x", "A=3"}, []string{"A=1", "novalue", "=x", "A=3"}},
		{"none", []string{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			// kept: the environment keeps only entries with =, one per name.
			p := pt.Start(t, pt.Env(c.env...))
			want := pt.Chained{}
			for _, e := range c.want {
				want = append(want, pt.Binary(e))
			}
			p.Want(want, nil, "environ")
			a := p.Fork(nil)
			p.Want(want, a, "environ")
			p.Exec(a, "/usr/bin/env", "-0")
			out := p.Finish(a, pt.ExitStatus(a, 0))
			if want := strings.Join(c.want, "\x00"); strings.TrimSuffix(out, "\x00") != want {
				t.Errorf("environment of a program: %s", cmp.Diff(want, out))
			}
		})
	}
}

// bettered: D22 started with -d and without descriptors 3 and 4, the port makes its own.
func TestStartWithDepthServesOnTheDescriptorsThatItHas(t *testing.T) {
	pt.Linux(t, "/proc")
	p := pt.Launch(t, pt.NoFifo(), pt.Args("-d", "3"))
	p.Next(pt.Reply(nil, ok))
	if got := pt.Status(p.Pid, "SigCgt"); got != "0000000000011000" {
		t.Errorf("SigCgt %s, want only SIGCHLD and SIGPIPE", got)
	}
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Want(okTuple(pt.Atom("sig_dfl")), nil, "sigaction", pt.Atom("sigusr1"), pt.Atom("sig_info"))
	p.Signal(nil, syscall.SIGUSR1)
	p.SignalOf(nil, "sigusr1")
	p.Stop(a)
	// Replies at depth 3 are 24 bytes shorter.
	p.Want(pt.Binary(pt.Bytes(65521-24)), nil, "iolist_to_bin", pt.Binary(pt.Bytes(65521-24)))
	p.Want(badarg, nil, "iolist_to_bin", pt.Binary(pt.Bytes(65522-24)))
}
