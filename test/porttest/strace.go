// SPDX-License-Identifier: ISC

package porttest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// Trace is strace(1) attached to a process and its future children.
type Trace struct {
	t      testing.TB
	proc   *os.Process
	out    string
	closed io.Closer
}

// Attach attaches strace to a process and returns once it traces.
func Attach(t testing.TB, pid int) *Trace {
	t.Helper()
	Linux(t, "strace")
	tr := &Trace{t: t, out: filepath.Join(t.TempDir(), "strace")}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	tr.closed = r
	tr.proc, err = start(Tool(t, "strace"), []string{"strace", "-f", "-o", tr.out, "-p", fmt.Sprint(pid)},
		&os.ProcAttr{Env: os.Environ(), Files: []*os.File{nil, nil, w}})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	said := bufio.NewReader(r)
	for {
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatalf("strace does not attach to %d: %s", pid, line)
		}
		if strings.Contains(line, "attached") {
			return tr
		}
	}
}

// call matches the name of a system call at its start or, when that line was cut off by another
// process, at its end.
var call = regexp.MustCompile(`^\d+ +(?:<\.\.\. )?([a-z][a-z0-9_]*)[( ]`)

// Detach ends the trace and returns the names of the system calls made meanwhile, in order. The
// call in which the process was sleeping when strace came is in it as well, and the one in which it
// was when strace went.
func (tr *Trace) Detach() []string {
	tr.t.Helper()
	var names []string
	for _, line := range tr.Lines() {
		if m := call.FindStringSubmatch(line); m != nil && !strings.Contains(line, "<unfinished") {
			names = append(names, m[1])
		}
	}
	return names
}

// Lines ends the trace and returns what strace has written, with arguments and results.
func (tr *Trace) Lines() []string {
	tr.t.Helper()
	tr.proc.Signal(syscall.SIGINT)
	wait(tr.proc)
	tr.closed.Close()
	b, err := os.ReadFile(tr.out)
	if err != nil {
		tr.t.Fatal(err)
	}
	return slices.Collect(strings.Lines(string(b)))
}

// Kinds returns the sorted set of names.
func Kinds(names []string) []string {
	kinds := slices.Clone(names)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Count counts a name.
func Count(names []string, name string) int {
	n := 0
	for _, s := range names {
		if s == name {
			n++
		}
	}
	return n
}
