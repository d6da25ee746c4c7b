//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestProcessHasOneThreadBeforeItsFirstMessageIsOut(t *testing.T) {
	// A full pipe holds the program at its first write.
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	r, w := os.NewFile(uintptr(fds[0]), "read end"), os.NewFile(uintptr(fds[1]), "write end")
	defer r.Close()
	defer w.Close()
	size, err := unix.FcntlInt(w.Fd(), unix.F_GETPIPE_SZ, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	p := pt.Launch(t, pt.Open(1, w))
	pt.Until(t, "the program waits for the reader", func() bool {
		where, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", p.Pid))
		return strings.Contains(string(where), "pipe_write")
	})
	if n := pt.Threads(p.Pid); n != 1 {
		t.Errorf("%d threads", n)
	}
	if _, err := r.Read(make([]byte, size)); err != nil {
		t.Fatal(err)
	}
	frame := make([]byte, 9)
	if n, err := r.Read(frame); err != nil || string(frame[:n]) != "\x00\x07\x00\x04\x83\x77\x02ok" {
		t.Errorf("first message % x, %v", frame[:n], err)
	}
}

func TestProcessesHaveOneThreadAtEveryDepth(t *testing.T) {
	p := pt.Start(t)
	var l pt.Pipeline
	for range 16 {
		l = p.Fork(l)
		p.Want(l.Pid(), l, "getpid")
		if n := pt.Threads(l.Pid()); n != 1 {
			t.Errorf("depth %d: %d threads", len(l), n)
		}
	}
	if n := pt.Threads(p.Pid); n != 1 {
		t.Errorf("depth 0: %d threads", n)
	}
}

// A start that is not safe shows in one of many, and with more processes than processors.
func TestFiveHundredStartsSixAtATimeAllServeWithOneThread(t *testing.T) {
	const starts, atATime = 500, 6
	numbers := make(chan int)
	var group sync.WaitGroup
	for range atATime {
		group.Go(func() {
			for n := range numbers {
				t.Run(fmt.Sprint(n), startOnce)
			}
		})
	}
	for n := range starts {
		numbers <- n
	}
	close(numbers)
	group.Wait()
}

func startOnce(t *testing.T) {
	p := pt.Start(t)
	if n := pt.Threads(p.Pid); n != 1 {
		t.Errorf("%d threads", n)
	}
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	if n := pt.Threads(a.Pid()); n != 1 {
		t.Errorf("child: %d threads", n)
	}
}

func TestIdleTreeMakesNoSystemCalls(t *testing.T) {
	p := pt.Start(t)
	l := p.Chain(3)
	p.Want(l.Pid(), l, "getpid")
	trace := pt.Attach(t, p.Pid)
	var switches []string
	pids := []int{p.Pid, l[0], l[1], l[2]}
	for _, pid := range pids {
		switches = append(switches, pt.Status(pid, "voluntary_ctxt_switches"))
	}
	time.Sleep(time.Second) // not a wait: the time in which nothing may happen
	for i, pid := range pids {
		if i > 0 && pt.Status(pid, "voluntary_ctxt_switches") != switches[i] {
			t.Errorf("process %d of the chain woke up", i)
		}
	}
	if calls := trace.Detach(); len(calls) > 2 {
		t.Errorf("system calls of an idle port: %v", calls)
	}
}

func TestCallMakesNoSystemCallsButPollReadAndWritev(t *testing.T) {
	const rounds = 50
	for depth := range 2 {
		p := pt.Start(t)
		to := p.Chain(depth)
		p.Want(p.Int(to, "getpid"), to, "getpid")
		trace := pt.Attach(t, p.Pid)
		for range rounds {
			p.Int(to, "getpid")
		}
		calls := trace.Detach()
		for _, name := range pt.Kinds(calls) {
			switch n := pt.Count(calls, name); name {
			case "restart_syscall": // the poll in which strace found the process
			case "poll", "ppoll", "read", "write", "writev":
				// Two frames pass the port for a call to a child: in and out.
				if most := (3+2*depth)*rounds + 3; n > most {
					t.Errorf("depth %d: %d %s for %d calls", depth, n, name, rounds)
				}
			default:
				t.Errorf("depth %d: %d %s", depth, n, name)
			}
		}
	}
}
