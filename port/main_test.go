//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// The tests give a process descriptors of theirs in place of the fixed ones, and it
// does not end but fails the test. Descriptors 3 to 5 may be the Go runtime's: tests
// that need some of them run in a process of their own.

func TestMain(m *testing.M) {
	if part := parts[os.Getenv(partVariable)]; part != nil {
		part()
		os.Exit(0)
	}
	settle()
	before := porttest.FDs(os.Getpid())
	status := m.Run()
	if left := leftOpen(before); len(left) > 0 {
		fmt.Fprintln(os.Stderr, "descriptors left open:", left)
		status = 1
	}
	os.Exit(status)
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

// inOwnProcess runs the test once more in a process of its own, and reports whether this
// is that process. Descriptors 3 to 5 can be used there, and the children are the test's.
// Elsewhere the test passes if it does so there. The process executes the test program
// anew: it is no copy of this one, whose threads it would lack.
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
