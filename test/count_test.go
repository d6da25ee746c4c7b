//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// What a message costs, as counts: they are the same on every machine, and under every load.

// counted are the processes of a pipeline, the port first, each with a trace of its own.
type counted []*pt.Trace

func countCalls(p *pt.Port, l pt.Pipeline) counted {
	p.T().Helper()
	p.Int(l, "getpid") // whatever happens only once is over
	traces := counted{pt.Attach(p.T(), p.Pid)}
	for _, pid := range l {
		traces = append(traces, pt.Attach(p.T(), pid))
	}
	return traces
}

// calls returns the system calls that each of the processes has made, from the first that is no
// poll to the last: polls are also what strace comes and goes in.
func (c counted) calls() [][]string {
	isPoll := func(name string) bool { return name == "poll" || name == "ppoll" || name == "restart_syscall" }
	var all [][]string
	for _, trace := range c {
		calls := trace.Detach()
		for len(calls) > 0 && isPoll(calls[0]) {
			calls = calls[1:]
		}
		for len(calls) > 0 && isPoll(calls[len(calls)-1]) {
			calls = calls[:len(calls)-1]
		}
		for i, name := range calls {
			if isPoll(name) {
				calls[i] = "poll"
			}
		}
		all = append(all, calls)
	}
	return all
}

func TestCallIsOneReadAndOneWriteOfEachFrame(t *testing.T) {
	const rounds = 20
	answers := slices.Repeat([]string{"poll", "read", "writev"}, rounds)[1:]
	passesOn := slices.Repeat([]string{"poll", "read", "write", "poll", "read", "writev"}, rounds)[1:]
	p := pt.Start(t)
	l := p.Chain(2)
	traces := countCalls(p, l)
	for range rounds {
		p.Want(l.Pid(), l, "getpid")
	}
	if diff := cmp.Diff([][]string{passesOn, passesOn, answers}, traces.calls()); diff != "" {
		t.Errorf("system calls, by depth (-want +got):\n%s", diff)
	}
}

func TestCallsSentTogetherShareTheirSystemCalls(t *testing.T) {
	const calls = 50
	for _, depth := range []int{0, 1, 16} {
		t.Run(fmt.Sprintf("depth %d", depth), func(t *testing.T) {
			p := pt.Start(t)
			l := p.Chain(depth)
			pid := p.Int(l, "getpid")
			traces := countCalls(p, l)
			p.Write(bytes.Repeat(pt.CallFrame(l, "getpid"), calls))
			for range calls {
				p.Next(pt.Reply(l, pid))
			}
			for at, made := range traces.calls() {
				most := 10
				if depth == 0 {
					most = 6
				}
				if n := 1 + len(made); n < 3 || n > most {
					t.Errorf("%d system calls for %d calls in the process at depth %d, want 3 to %d:\npoll %s",
						n, calls, at, most, strings.Join(made, " "))
				}
			}
		})
	}
}

// pss returns the memory of processes in KiB, of what they share each its part. That of the
// program's file does not count: how many others share it depends on what runs beside the test.
func pss(t *testing.T, pids ...int) (sum int) {
	t.Helper()
	for _, pid := range pids {
		sum += memory(t, pid, "Pss_Anon")
	}
	return sum
}

// written returns the memory of a process that it or its parent has written, in KiB. What the
// kernel counts as dirty would not do: pages of the program's file are so as long as they are not
// on the disk.
func written(t *testing.T, pid int) int {
	t.Helper()
	return memory(t, pid, "Anonymous")
}

func memory(t *testing.T, pid int, kind string) (n int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "\n"+kind+":")
	if _, err := fmt.Sscan(after, &n); err != nil || n == 0 {
		t.Fatalf("memory of process %d: %v\n%s", pid, err, b)
	}
	return n
}

func TestPortAloneIsSmall(t *testing.T) {
	const most = 96 // KiB
	p := pt.Start(t)
	p.Want(p.Pid, nil, "getpid")
	if size := written(t, p.Pid); size > most {
		t.Errorf("the port alone has %d KiB, want at most %d", size, most)
	}
}

// With transparent huge pages for all, the first write to a mapping with room for one would take 2
// MiB.
func TestProcessesHaveNoRoomForHugePages(t *testing.T) {
	const huge = 2 << 20
	p := pt.Start(t)
	child := p.Fork(nil)
	p.Want(child.Pid(), child, "getpid")
	for _, pid := range []int{p.Pid, child.Pid()} {
		mappings := writable(t, pid)
		if len(mappings) == 0 {
			t.Errorf("process %d has no memory that it can write", pid)
		}
		for _, m := range mappings {
			if block := (m.start + huge - 1) / huge * huge; block+huge <= m.end {
				t.Errorf("process %d: %x-%x has room for a huge page", pid, m.start, m.end)
			}
		}
	}
}

type mapping struct{ start, end uint64 }

// writable lists the mappings of a process that it can write and that have no file.
func writable(t *testing.T, pid int) (all []mapping) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var m mapping
		var offset, device, inode string
		if _, err := fmt.Sscanf(line, "%x-%x rw-p %s %s %s", &m.start, &m.end, &offset, &device, &inode); err == nil && inode == "0" {
			all = append(all, m)
		}
	}
	return all
}

func TestIdleChildrenAreSmall(t *testing.T) {
	const children, most = 100, 24 // KiB
	p := pt.Start(t, pt.Args("-m", strconv.Itoa(children)))
	p.Want(p.Pid, nil, "getpid")
	alone, pids := pss(t, p.Pid), []int{p.Pid}
	for range children {
		pids = append(pids, p.Fork(nil).Pid())
	}
	if all := pss(t, pids...); all-alone > children*most {
		t.Errorf("%d children have %d KiB, want at most %d each", children, all-alone, most)
	}
}

// What a process writes for a fork is in few pages: after it the kernel copies each of them for the
// one who writes first. The kernel may also have taken a page away, so the least of some forks counts.
func TestAForkWritesFewPages(t *testing.T) {
	const most, forks = 2, 5
	p := pt.Start(t)
	least := math.MaxInt
	for range forks {
		before := faults(t, p.Pid)
		child := p.Fork(nil)
		pt.Until(t, "the process waits again", func() bool { return pt.State(p.Pid) == "S" })
		least = min(least, faults(t, p.Pid)-before)
		p.Send(child, "exit", 0)
		p.Next(pt.Ctl(child, "fdctl_closed"), pt.Event(child, pt.Tuple{pt.Atom("exit_status"), 0}))
	}
	if least > most {
		t.Errorf("%d page faults in the process that forks, want at most %d", least, most)
	}
}

// The reply to a fork goes out before the process writes to memory that the child has as well. The
// process is held up in this write: its parent is stopped and the pipe to it full. Where the
// descriptor does not block, the reply is kept.
func TestForkRepliesBeforeTheProcessWritesSharedMemory(t *testing.T) {
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skipf("%s replies after it", runtime.GOARCH)
	}
	const forks = 5
	for _, flags := range []int{0, unix.O_NONBLOCK} {
		p := pt.Start(t)
		a := p.Fork(nil)
		p.Want(okTuple(0), a, "fcntl", 1, pt.Atom("f_setfl"), flags)
		message, frame := filler(a)
		least := math.MaxInt
		for i := range forks {
			p.Want(a.Pid(), a, "getpid") // writes what a call writes
			p.Signal(nil, unix.SIGSTOP)
			pt.Until(t, "the parent is stopped", func() bool { return pt.State(p.Pid) == "T" })
			n := fill(t, a, frame)
			before := faults(t, a.Pid())
			writeTo(t, a, pt.CallFrame(nil, "fork"))
			pt.Until(t, "there is a child", func() bool { return len(pt.Children(a.Pid())) == i+1 })
			if flags == 0 {
				pt.Until(t, "the process replies", func() bool { return pt.SystemCall(a.Pid()) == unix.SYS_WRITE })
				least = min(least, faults(t, a.Pid())-before)
			}
			p.Signal(nil, unix.SIGCONT)
			p.Receive("sigcont", func(m pt.Message) bool { _, ok := m.Signal("sigcont"); return ok })
			for range n {
				p.Next(message)
			}
			term := p.Reply(a, "fork").Term()
			pids := pt.Children(a.Pid())
			if !slices.ContainsFunc(pids, func(pid int) bool { return cmp.Equal(okTuple(pid), term) }) {
				t.Errorf("fork replied %s, the children are %v", pt.Format(term), pids)
			}
		}
		p.Quiet(nil, a)
		if flags == 0 && least > 0 {
			t.Errorf("%d page faults before the reply to a fork, want none", least)
		}
	}
}

// filler returns a message from a child of a, and its frame, which has the size that a pipe takes
// whole or not at all.
func filler(a pt.Pipeline) (m pt.Message, frame []byte) {
	const child, header = 1, 8
	data := pt.Bytes(unix.PathMax - header)
	frame = binary.BigEndian.AppendUint32(nil, child)
	return pt.Stdout(a.Then(child), data), pt.Frame(pt.TypeStdout, append(frame, data...))
}

// fill fills the pipe above a process with a frame, and returns how many times it is there.
func fill(t *testing.T, a pt.Pipeline, frame []byte) (n int) {
	t.Helper()
	for ; ; n++ {
		switch err := tryWrite(t, a, 1, frame); err {
		case nil:
		case unix.EAGAIN:
			return n
		default:
			t.Fatal(err)
		}
	}
}

// writeTo writes to a process past its parent.
func writeTo(t *testing.T, a pt.Pipeline, frame []byte) {
	t.Helper()
	if err := tryWrite(t, a, 0, frame); err != nil {
		t.Fatal(err)
	}
}

// tryWrite writes to the pipe that is a descriptor of a process, if there is room.
func tryWrite(t *testing.T, a pt.Pipeline, fd int, b []byte) error {
	t.Helper()
	w, err := unix.Open(fmt.Sprintf("/proc/%d/fd/%d", a.Pid(), fd), unix.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w)
	_, err = unix.Write(w, b)
	return err
}

// All that the program touches of its static memory, as long as no child has sent a frame, is in one
// block that a table of pages covers: each further table is one to copy for a fork.
func TestAForkCopiesOneTableOfPagesOfStaticMemory(t *testing.T) {
	const block = 512 // pages
	p := pt.Start(t)
	child := p.Fork(nil)
	p.Send(child, "exit", 0)
	p.Next(pt.Ctl(child, "fdctl_closed"), pt.Event(child, pt.Tuple{pt.Atom("exit_status"), 0}))
	var tables []uint64
	for _, m := range writable(t, p.Pid) {
		for _, page := range present(t, p.Pid, m) {
			if at := page / block; page < 1<<20 && !slices.Contains(tables, at) {
				tables = append(tables, at)
			}
		}
	}
	if len(tables) != 1 {
		t.Errorf("memory of the blocks %v is in use, want one", tables)
	}
}

// present returns the numbers of the pages of a mapping that are in memory.
func present(t *testing.T, pid int, m mapping) (pages []uint64) {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size := uint64(os.Getpagesize())
	entries := make([]byte, (m.end-m.start)/size*8)
	if _, err := f.ReadAt(entries, int64(m.start/size*8)); err != nil {
		t.Fatal(err)
	}
	for i := range uint64(len(entries) / 8) {
		if binary.NativeEndian.Uint64(entries[8*i:])>>63 == 1 {
			pages = append(pages, m.start/size+i)
		}
	}
	return pages
}

// faults returns how many page faults a process has had.
func faults(t *testing.T, pid int) (n int) {
	t.Helper()
	const minflt = 7 // in /proc/PID/stat, counted from the state on
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), ") ")
	if n, err = strconv.Atoi(strings.Fields(after)[minflt]); err != nil {
		t.Fatalf("%v in %s", err, b)
	}
	return n
}

func TestProgramIsSmall(t *testing.T) {
	const most = 1_600_000
	info, err := os.Stat(pt.Program())
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > most {
		t.Errorf("%d bytes, want at most %d", info.Size(), most)
	}
}

// writes counts the system calls of a process that write, without slowing it down.
func writes(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(b), "\nsyscw:")
	var n int
	if _, err := fmt.Sscan(after, &n); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	return n
}

func TestManySmallWritersShareWritesAndAreServedAlike(t *testing.T) {
	const (
		writers  = 64
		line     = 80
		total    = 24 << 20
		long     = 20
		together = 3 // frames in a write
	)
	p := pt.Start(t)
	a := p.Fork(nil)
	var gate []byte
	for range writers {
		w := p.Fork(a)
		p.Sh(w, "read gate; while echo "+strings.Repeat("x", line-1)+"; do :; done")
		gate = append(gate, pt.StdinFrame(w, []byte("\n"))...)
	}
	p.Write(gate)
	output := func() pt.Message {
		return p.Receive("output of a writer", func(m pt.Message) bool { return m.Type == pt.TypeStdout })
	}
	// What counts is what comes once all of them write.
	for started := map[int]bool{}; len(started) < writers; {
		started[output().From.Pid()] = true
	}
	before, frames, sum := writes(t, a.Pid()), 0, 0
	by := map[int]int{}
	// On a busy machine a writer may not run for a while, which is nobody's fault: in the long
	// run all do.
	alike := func() bool { return len(by) == writers && slices.Min(slices.Collect(maps.Values(by))) >= sum/writers/2 }
	for sum < total || sum < long*total && !alike() {
		m := output()
		by[m.From.Pid()] += len(m.Data)
		sum += len(m.Data)
		frames++
	}
	if n := writes(t, a.Pid()) - before; n == 0 || frames < together*n {
		t.Errorf("%d frames in %d writes, want at least %d in each", frames, n, together)
	}
	if !alike() {
		t.Errorf("bytes of %d writers: %v, want each of %d to have half of the mean, %d, at least",
			len(by), slices.Sorted(maps.Values(by)), writers, sum/writers)
	}
}
