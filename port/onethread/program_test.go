//go:build linux

package onethread_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/alcove-go/alcove/port/early" // what the test program is made of
	_ "github.com/alcove-go/alcove/port/onethread"
)

// single is the path of the test program.
var single string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "onethread")
	if err != nil {
		panic(err)
	}
	single = filepath.Join(dir, "single")
	if err := build(single, runtime.GOARCH); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes the test program for an architecture.
func build(path, arch string) error {
	// The go command remembers the result of a test as long as the files that
	// it has read are the same.
	sources, _ := filepath.Glob("testdata/single/*")
	for _, name := range sources {
		os.ReadFile(name)
	}
	cmd := exec.Command("go", "build", "-o", path, "./testdata/single")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %v\n%s", cmd, err, out)
	}
	return nil
}

// limit is how long anything may take that takes milliseconds; what takes
// longer hangs.
const limit = 60 * time.Second

// program is a running test program.
type program struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *bytes.Buffer
	hang   *time.Timer
	hung   chan string // what the threads did when the time was up
}

// start runs the test program with DO=do and more of the environment. change
// may be nil; it is called before the start.
func start(t testing.TB, do string, change func(*exec.Cmd), env ...string) *program {
	t.Helper()
	p := &program{cmd: exec.Command(single), stderr: new(bytes.Buffer), hung: make(chan string, 1)}
	p.cmd.Env = append([]string{"DO=" + do}, env...)
	p.cmd.Stderr = p.stderr
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	if change != nil {
		change(p.cmd)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.hang = time.AfterFunc(limit, func() {
		p.hung <- dump(p.cmd.Process.Pid)
		p.cmd.Process.Kill()
	})
	return p
}

// line reads a line from the program, without the newline.
func (p *program) line(t testing.TB) string {
	t.Helper()
	s, err := p.stdout.ReadString('\n')
	if err != nil {
		p.end(t)
		t.Fatalf("no line from the program, only %q", s)
	}
	return strings.TrimSuffix(s, "\n")
}

// ready waits until the program has started.
func (p *program) ready(t testing.TB) {
	t.Helper()
	if got, want := p.line(t), "ready"; got != want {
		t.Fatalf("line = %q, want %q", got, want)
	}
}

// end closes the program's standard input and waits for its end. It reports an
// error for any status but 0.
func (p *program) end(t testing.TB) {
	t.Helper()
	if err := p.wait(); err != nil {
		t.Errorf("%v\n%s", err, p.stderr)
	}
}

// wait is end that returns the error.
func (p *program) wait() error {
	p.stdin.Close()
	io.Copy(io.Discard, p.stdout)
	err := p.cmd.Wait()
	if !p.hang.Stop() {
		return fmt.Errorf("hang: %s", <-p.hung)
	}
	return err
}

// status is a field of /proc/pid/status.
func status(t testing.TB, pid int, field string) string {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if name, value, _ := strings.Cut(line, ":"); name == field {
			return strings.TrimSpace(value)
		}
	}
	t.Fatalf("no field %s in the status of %d", field, pid)
	return ""
}

// child is the only child of a process.
func child(t testing.TB, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatalf("children of %d: %q", pid, b)
	}
	return n
}

// dump tells what the threads of a process are doing.
func dump(pid int) string {
	var s strings.Builder
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	for _, task := range tasks {
		fmt.Fprintf(&s, "%s\n", task)
		for _, file := range []string{"stat", "wchan", "syscall"} {
			b, err := os.ReadFile(filepath.Join(task, file))
			fmt.Fprintf(&s, "  %s: %s %v\n", file, bytes.TrimSpace(b), err)
		}
	}
	return s.String()
}

// exitStatus is the exit status in an error of [exec.Cmd.Wait].
func exitStatus(t testing.TB, err error) int {
	t.Helper()
	exit, ok := err.(*exec.ExitError)
	if !ok || !exit.Sys().(syscall.WaitStatus).Exited() {
		t.Fatalf("error = %v, want an exit status", err)
	}
	return exit.ExitCode()
}
