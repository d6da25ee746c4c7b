// SPDX-License-Identifier: ISC

package porttest

import (
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alcove-go/alcove/test/gate"
	"golang.org/x/sys/unix"
)

// run is the state of the one run of a test program: what Main sets up for all tests.
var run struct {
	program string // absolute path of the port program
	dir     string // temporary folder

	// patience bounds every wait. A test that passes never needs more than a small part of it.
	patience time.Duration

	stack atomic.Int64 // the most that a process has used of its stack

	mu  sync.RWMutex // held for reading while a process is started, for writing while orphans are reaped
	own sync.Map     // pids that somebody waits for
}

// Main builds the program, with traps, or takes the one that flag -port names, runs the tests, and
// returns the exit status: not 0 also when the tests leave descriptors, children or zombies behind.
func Main(m *testing.M) int {
	port := flag.String("port", "", "test this `program` instead of building it")
	flag.DurationVar(&run.patience, "patience", 30*time.Second, "how long a test waits for what does not come")
	flag.Parse()
	dir, err := os.MkdirTemp("", "porttest")
	if err != nil {
		return complain(err)
	}
	defer os.RemoveAll(dir)
	run.dir, run.program = dir, *port
	if run.program == "" {
		run.program = filepath.Join(dir, "alcove")
		if err := BuildTrapped(run.program); err != nil {
			return complain(err)
		}
	} else if run.program, err = filepath.Abs(*port); err != nil {
		return complain(err)
	}
	// Programs whose parents are gone become children of this process, so that none is lost sight
	// of.
	if err := adoptOrphans(); err != nil {
		return complain(err)
	}
	keepDescriptors()
	defaultSignals()
	settle()
	before := FDs(os.Getpid())
	status := m.Run()
	if err := leftBehind(before); err != nil {
		return complain(err)
	}
	if testing.Verbose() {
		fmt.Println("most that a process has used of its stack:", run.stack.Load())
	}
	if used := run.stack.Load(); used > MostStack {
		return complain(fmt.Errorf("a process has used %d bytes of its stack, more than %d", used, MostStack))
	}
	return status
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "porttest:", err)
	return 1
}

// Program returns the path of the program under test.
func Program() string { return run.program }

// Build makes a program just as users do: the port program from the folder "." of the module, or
// one of the tests' own with the same entry. env comes on top of the environment. The tests are
// what tries it, whatever release of Go built it.
func Build(path, folder string, env ...string) error {
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env GOMOD: %w", err)
	}
	root := filepath.Dir(strings.TrimSpace(string(mod)))
	if err := look(root); err != nil {
		return err
	}
	c := exec.Command("make", "-C", filepath.Join(root, "c_src_compat"), "ALCOVE_PREBUILT=", "ALCOVE_UNTRIED=1",
		"C_SRC_OUTPUT="+path, "PACKAGE="+filepath.Join(root, folder))
	c.Env = append(os.Environ(), env...)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", c, err, out)
	}
	return nil
}

// BuildTrapped makes the port program, in which all code of the Go runtime that it may not need is
// a trap.
func BuildTrapped(path string) error {
	symbols := path + ".symbols"
	defer os.Remove(symbols)
	if err := Build(path, "."); err != nil {
		return err
	}
	if err := Build(symbols, ".", "STRIP="); err != nil {
		return err
	}
	return gate.Trap(path, symbols, path)
}

// look looks at the sources: the go command remembers the result of a test for as long as the files
// are the same that the test has looked at.
func look(root string) error {
	return filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err == nil && (filepath.Ext(path) == ".go" || filepath.Ext(path) == ".s") {
			_, err = os.Stat(path)
		}
		return err
	})
}

// keepDescriptors keeps from the programs what this process inherited besides 0, 1 and 2.
func keepDescriptors() {
	for fd := range FDs(os.Getpid()) {
		if fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
}

// settle makes the Go runtime open the descriptors that it keeps for good (epoll, pidfd probes), so
// that the comparison at the end counts none of them.
func settle() {
	r, w, err := os.Pipe()
	if err != nil {
		return
	}
	r.SetReadDeadline(time.Now())
	r.Close()
	w.Close()
	if c := exec.Command("true"); c.Start() == nil {
		c.Wait()
	}
}

// leftBehind reports descriptors that were not open before and children, dead or alive, once all of
// them have had time to go.
func leftBehind(before map[int]string) error {
	var err error
	for end := time.Now().Add(run.patience / 3); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if err = errors.Join(leftFDs(before), leftChildren()); err == nil {
			return nil
		}
	}
	return err
}

func leftFDs(before map[int]string) error {
	now := FDs(os.Getpid())
	maps.DeleteFunc(now, func(fd int, target string) bool {
		_, known := before[fd]
		// The folder listing itself holds a descriptor while it runs.
		return known || strings.HasPrefix(target, fmt.Sprintf("/proc/%d/fd", os.Getpid()))
	})
	if len(now) > 0 {
		return fmt.Errorf("descriptors left open: %v", now)
	}
	return nil
}

func leftChildren() error {
	reapOrphans()
	if pids := Children(os.Getpid()); len(pids) > 0 {
		return fmt.Errorf("processes left:\n%s", describe(os.Getpid()))
	}
	return nil
}

// start runs an executable and registers it, so that it is not reaped as an orphan.
func start(path string, argv []string, attr *os.ProcAttr) (*os.Process, error) {
	run.mu.RLock()
	defer run.mu.RUnlock()
	p, err := os.StartProcess(path, argv, attr)
	if err == nil {
		run.own.Store(p.Pid, true)
	}
	return p, err
}

// wait waits for a process that start returned.
func wait(p *os.Process) (*os.ProcessState, error) {
	s, err := p.Wait()
	run.own.Delete(p.Pid)
	return s, err
}

// reapOrphans waits for the dead among the programs that this process inherited.
func reapOrphans() {
	run.mu.Lock()
	defer run.mu.Unlock()
	for _, pid := range Children(os.Getpid()) {
		if _, own := run.own.Load(pid); !own {
			unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// Until asks done again and again until it says yes: for what nothing but /proc can tell. The test
// fails after flag -patience says, with what was awaited.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	pause := time.Millisecond
	for end := time.Now().Add(run.patience); time.Now().Before(end); pause = min(2*pause, 50*time.Millisecond) {
		if done() {
			return
		}
		time.Sleep(pause)
	}
	t.Fatalf("waited in vain: %s", what)
}

// Gone waits until no process has the pid any more.
func Gone(t testing.TB, pid int) {
	t.Helper()
	Until(t, fmt.Sprintf("process %d is gone", pid), func() bool { reapOrphans(); return State(pid) == "" })
}

// Need skips the test where this process lacks a capability, by its kernel name and number.
func Need(t testing.TB, name string, number uint) {
	t.Helper()
	if !capable(number) {
		t.Skipf("needs %s", name)
	}
}

// Linux skips the test on other systems: what it needs, or expects, is Linux's.
func Linux(t testing.TB, what string) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skipf("%s: only Linux has it", what)
	}
}

// ofLinux are the calls that other systems do not have.
var ofLinux = map[string]bool{
	"clone": true, "clone_constant": true, "pivot_root": true, "prctl": true, "prctl_constant": true, "ptrace": true,
	"ptrace_constant": true, "seccomp": true, "seccomp_constant": true, "setns": true, "syscall_constant": true,
	"unshare": true,
}

// Tool returns the path of a command that the tests cannot do without.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: %v", name, err)
	}
	return path
}
