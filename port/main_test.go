//go:build linux

package port

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// A process works with fixed descriptors. The tests give it theirs for 0 and 1; what
// go test reads is moved away from there. Descriptors from 3 on may be the Go
// runtime's: tests that need some of them run in a process of their own.

func TestMain(m *testing.M) {
	if part := parts[os.Getenv(partVariable)]; part != nil {
		part()
		os.Exit(0)
	}
	if os.Getenv(watcher) == "" {
		os.Exit(watch())
	}
	if err := moveStdout(); err != nil {
		fmt.Fprintln(os.Stderr, "move standard output away:", err)
		os.Exit(1)
	}
	settle()
	before := porttest.FDs(os.Getpid())
	status := m.Run()
	if left := leftOpen(before); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "descriptors left open:", left)
		status = 1
	}
	if status == 0 && os.Getenv(watcher) == strconv.Itoa(os.Getppid()) {
		status = statusPassed
	}
	os.Exit(status)
}

// A process under test that ends, ends the tests with it, and often with status 0,
// which go test takes for success. So the tests run in a process that is watched, and
// only if it comes to its end does it end with the status of those that passed.
const (
	watcher      = "PORT_TEST_WATCHER" // its pid
	statusPassed = 77
)

func watch() (status int) {
	runtime.LockOSThread() // a child gets Pdeathsig when the thread ends that made it
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", watcher, os.Getpid()))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err := cmd.Run()
	switch status := cmd.ProcessState.ExitCode(); {
	case status == statusPassed:
		return 0
	case status == 0:
		fmt.Fprintln(os.Stderr, "a process under test has ended, and the tests with it")
	case status < 0:
		fmt.Fprintln(os.Stderr, "the tests:", err)
	}
	return 1
}

// inherited is kept because its finalizer would close descriptor 1.
var inherited = os.Stdout

func moveStdout() error {
	const lowest = 10
	fd, err := unix.FcntlInt(1, unix.F_DUPFD_CLOEXEC, lowest)
	if err == nil {
		os.Stdout = os.NewFile(uintptr(fd), "standard output of the tests")
	}
	return err
}

// settle makes the Go runtime open the descriptors that it keeps for good.
func settle() {
	if r, w, err := os.Pipe(); err == nil {
		r.SetReadDeadline(time.Now())
		r.Close()
		w.Close()
	}
	holdReserved()
}

// holdReserved leaves no descriptor free that children of a process never get. Whether
// the runtime has them depends on the control groups of the machine.
func holdReserved() {
	for {
		fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil || fd >= firstFree {
			unix.Close(fd)
			return
		}
	}
}

func leftOpen(before map[int]string) map[int]string {
	left := porttest.FDs(os.Getpid())
	maps.DeleteFunc(left, func(fd int, target string) bool {
		_, known := before[fd]
		listing := strings.HasPrefix(target, fmt.Sprintf("/proc/%d/fd", os.Getpid()))
		return known || listing
	})
	return left
}

const (
	ownProcess = "PORT_TEST_OWN_PROCESS"
	patience   = time.Minute // a test that passes needs a small part of it
)

// inOwnProcess runs the test once more in a process in which descriptors 3 to 5 can
// be used, and tells whether this is that process. Elsewhere the test passes if it
// does so there.
func inOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownProcess) == t.Name() {
		return true
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	// The runtime cannot end a process that waits in a system call of package sys.
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, testProgram(t), "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), ownProcess+"="+t.Name())
	cmd.ExtraFiles = []*os.File{null, null, null}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "\n--- PASS: "+t.Name()+" ") {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// parts are what the test program does instead of tests when it is started to play
// one of them.
var parts = map[string]func(){
	"options": showOptions,
}

const partVariable = "PORT_TEST_PART"

// end is how a process ended that played a part.
type end struct {
	Status         int
	Stdout, Stderr string
}

// play runs the test program in a part, with exactly these arguments, the program's
// name among them, and an environment that ends with exactly these strings.
func play(t *testing.T, part string, args, env []string) end {
	t.Helper()
	files := []*os.File{nil, outFile(t), outFile(t)}
	// exec.Cmd would tidy the environment up.
	p, err := os.StartProcess(testProgram(t), args, &os.ProcAttr{
		Env:   append([]string{partVariable + "=" + part}, env...),
		Files: files,
	})
	if err != nil {
		t.Fatal(err)
	}
	state, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return end{state.ExitCode(), contents(t, files[1]), contents(t, files[2])}
}

func outFile(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func contents(t *testing.T, f *os.File) string {
	t.Helper()
	b, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testProgram(t *testing.T) string {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
