//go:build linux

package onethread_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/test/porttest"
)

var (
	starts   = flag.Int("starts", 300, "how many starts the test of many starts makes")
	parallel = flag.Int("several", 6, "how many of them at a time")
)

func TestProcessHasOneThread(t *testing.T) {
	tests := []struct {
		name   string
		change func(*testing.T) func(*exec.Cmd)
		env    []string
	}{
		{name: "with an empty environment"},
		{name: "with many processors", env: []string{"GOMAXPROCS=64"}},
		{name: "with a collector that always runs", env: []string{"GOGC=1", "GOMEMLIMIT=1MiB"}},
		{name: "with a runtime that traces", env: []string{"GODEBUG=asyncpreemptoff=1,inittrace=1"}},
		{name: "without /proc", change: withoutProc},
		{name: "with the /proc of another pid namespace", change: inPidNamespace},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var change func(*exec.Cmd)
			if tt.change != nil {
				change = tt.change(t)
			}
			p := start(t, "", change, tt.env...)
			defer p.end(t)
			p.ready(t)
			if diff := cmp.Diff("1", status(t, p.cmd.Process.Pid, "Threads")); diff != "" {
				t.Errorf("threads (-want +got):\n%s", diff)
			}
		})
	}
}

// withoutProc runs the program in a root directory that has nothing but it.
func withoutProc(t *testing.T) func(*exec.Cmd) {
	root := t.TempDir()
	program, err := os.ReadFile(single)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "single"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	return func(c *exec.Cmd) {
		c.Path = "/single"
		c.SysProcAttr = &syscall.SysProcAttr{Chroot: root}
	}
}

func inPidNamespace(*testing.T) func(*exec.Cmd) {
	return func(c *exec.Cmd) {
		c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	}
}

func TestStartSucceedsWithEverySignalBlocked(t *testing.T) {
	p := start(t, "exec-with-signals-blocked", nil)
	defer p.end(t)
	p.ready(t)
	if diff := cmp.Diff("1", status(t, p.cmd.Process.Pid, "Threads")); diff != "" {
		t.Errorf("threads (-want +got):\n%s", diff)
	}
}

func TestStartSucceedsWhileSignalsArrive(t *testing.T) {
	for range 20 {
		startUnderSignals(t, "")
	}
}

// A request to make room that sysmon left behind is never served: nobody is there to make room for.
func TestNothingIsPreemptedAfterTheStart(t *testing.T) {
	for range 20 {
		startUnderSignals(t, "compute")
	}
}

func startUnderSignals(t *testing.T, do string) {
	t.Helper()
	p := start(t, do, nil)
	var stop atomic.Bool
	var sender sync.WaitGroup
	sender.Go(func() {
		for !stop.Load() {
			// Signals that neither the kernel nor the runtime ends a
			// process for; SIGURG is the one that preempts goroutines.
			for _, s := range []syscall.Signal{syscall.SIGURG, syscall.SIGCHLD, syscall.SIGWINCH} {
				p.cmd.Process.Signal(s)
			}
		}
	})
	p.ready(t)
	threads := status(t, p.cmd.Process.Pid, "Threads")
	stop.Store(true)
	sender.Wait()
	p.end(t)
	if diff := cmp.Diff("1", threads); diff != "" {
		t.Errorf("threads (-want +got):\n%s", diff)
	}
}

func TestManyProcessesStartAtOnce(t *testing.T) {
	var left atomic.Int64
	left.Store(int64(*starts))
	var starters sync.WaitGroup
	for range *parallel {
		starters.Go(func() {
			for left.Add(-1) >= 0 && !t.Failed() {
				p := start(t, "", nil)
				line, err := p.stdout.ReadString('\n')
				threads := "unknown"
				if err == nil {
					threads = status(t, p.cmd.Process.Pid, "Threads")
				}
				if err := p.wait(); err != nil || line != "ready\n" || threads != "1" {
					t.Errorf("start: line %q, threads %s, %v\n%s", line, threads, err, p.stderr)
				}
			}
		})
	}
	starters.Wait()
}

func TestStartFailsWithAMessage(t *testing.T) {
	tests := []struct{ name, do, message string }{
		{
			name:    "when there is another goroutine",
			do:      "start-a-goroutine-before",
			message: "single: a package has started a goroutine\n",
		},
		{
			name:    "when a thread does not come to rest",
			do:      "start-a-template-thread-before",
			message: "single: a thread of the Go runtime does not come to rest\n",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, tt.do, nil)
			got := exitStatus(t, p.wait())
			if diff := cmp.Diff(70, got); diff != "" {
				t.Errorf("exit status (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.message, p.stderr.String()); diff != "" {
				t.Errorf("message (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChainOfForkedProcessesServesUnderSeccomp(t *testing.T) {
	p := start(t, "fork-a-chain", nil)
	defer p.end(t)
	p.ready(t)
	for i := range 2000 {
		fmt.Fprintf(p.stdin, "%04d.\n", i)
		// The program replaces the last byte by 100, a d.
		got, err := p.stdout.ReadString('d')
		if err != nil {
			t.Fatalf("after %d messages: %v", i, err)
		}
		if diff := cmp.Diff(fmt.Sprintf("%04d.d", i), got); diff != "" {
			t.Fatalf("echo (-want +got):\n%s", diff)
		}
	}
}

func TestForkedChildUsesTheRuntimeOnOneThread(t *testing.T) {
	p := start(t, "use-the-runtime-in-a-child", nil)
	defer p.end(t)
	p.ready(t)
	if diff := cmp.Diff("1", status(t, child(t, p.cmd.Process.Pid), "Threads")); diff != "" {
		t.Errorf("threads (-want +got):\n%s", diff)
	}
}

func TestPanicOfAForkedChildShowsATrace(t *testing.T) {
	p := start(t, "panic-in-a-child", nil)
	if diff := cmp.Diff(2, exitStatus(t, p.wait())); diff != "" {
		t.Errorf("exit status (-want +got):\n%s", diff)
	}
	for _, want := range []string{"panic: on purpose", "main.panicInChild"} {
		if !strings.Contains(p.stderr.String(), want) {
			t.Errorf("no %q in\n%s", want, p.stderr)
		}
	}
}

// The kernel's bit for signal 32, in the masks of /proc/pid/status.
const holdSignalBit = 1 << 31

func TestStartLeavesNoTrace(t *testing.T) {
	p := start(t, "", func(c *exec.Cmd) {
		c.Args = []string{"sh", "-c", "ulimit -Sn 137; exec " + single}
		c.Path = "/bin/sh"
	})
	defer p.end(t)
	p.ready(t)
	pid := p.cmd.Process.Pid

	var caught uint64
	if _, err := fmt.Sscanf(status(t, pid, "SigCgt"), "%x", &caught); err != nil {
		t.Fatal(err)
	}
	if caught&holdSignalBit != 0 {
		t.Errorf("signal 32 has a handler")
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if f := strings.Fields(line); f[1] == "open" {
			if diff := cmp.Diff("137", f[3]); diff != "" {
				t.Errorf("soft limit of open files (-want +got):\n%s", diff)
			}
		}
	}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) < 3 {
		t.Fatalf("descriptors: %v, %v", fds, err)
	}
	for _, fd := range fds {
		file, err := os.Readlink(fd)
		if err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(file, "/proc/") || strings.HasPrefix(file, "/sys/") {
			t.Errorf("%s is open on %s", file, filepath.Base(fd))
		}
	}
}

// The emulator adds a thread of its own, and stays out of the way otherwise.
func TestStartsOnArm64(t *testing.T) {
	emulator := porttest.Emulator(t, "aarch64")
	program := filepath.Join(t.TempDir(), "single")
	if err := build(program, "arm64"); err != nil {
		t.Fatal(err)
	}
	for _, do := range []string{"", "use-the-runtime-in-a-child"} {
		p := start(t, do, func(c *exec.Cmd) {
			c.Path, c.Args = emulator, []string{emulator, program}
		})
		p.ready(t)
		p.end(t)
	}
}
