// Command single becomes single-threaded and then does what the environment
// variable DO says. It speaks with the test over descriptors 0 and 1.
//
//go:debug containermaxprocs=0
package main

import (
	"runtime"
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/port/early"
	"github.com/alcove-go/alcove/port/onethread"
	"github.com/alcove-go/alcove/port/sys"
)

func init() {
	switch do() {
	case "start-a-goroutine-before":
		startGoroutine()
	case "start-a-template-thread-before":
		startTemplateThread()
	}
	if err := onethread.Enter(); err != nil {
		fail(err.Error())
	}
	if do() == "compute" {
		compute()
	}
	early.RestoreNoFile()
	onethread.ReleaseMemory()
}

func main() {
	switch do() {
	case "exec-with-signals-blocked":
		execWithSignalsBlocked()
	case "fork-a-chain":
		forkChain()
	case "use-the-runtime-in-a-child":
		useRuntimeInChild()
	case "panic-in-a-child":
		panicInChild()
	default:
		ready()
		waitForEnd()
	}
	sys.Exit(0)
}

func do() string {
	s, _ := syscall.Getenv("DO")
	return s
}

// fail reports a failure and ends the process.
func fail(what string) {
	print("single: ", what, "\n")
	sys.Exit(70)
}

func check(what string, err sys.Errno) {
	if err != 0 {
		fail(what + ": " + err.Error())
	}
}

// ready tells the test that the process waits.
func ready() { sys.Write(1, []byte("ready\n")) }

// waitForEnd waits for the end of descriptor 0.
func waitForEnd() {
	var b [1]byte
	for {
		n, err := sys.Read(0, b[:])
		if n == 0 && err == 0 {
			return
		}
	}
}

// compute is busy for some time, in which any instruction is a place where the
// runtime could preempt it.
func compute() {
	for i := range uint64(100_000_000) {
		sum += i * i
	}
}

var sum uint64

// startGoroutine starts a goroutine that waits for ever.
func startGoroutine() {
	go func() { select {} }()
}

// startTemplateThread makes the runtime start a thread that starts threads on
// behalf of goroutines that are bound to theirs.
func startTemplateThread() {
	runtime.LockOSThread()
	runtime.UnlockOSThread()
}

// execWithSignalsBlocked executes this program again with every signal blocked.
func execWithSignalsBlocked() {
	all := ^uint64(0)
	check("sigprocmask", sys.Sigprocmask(sys.SIG_BLOCK, &all, nil))
	path := unsafe.StringData("/proc/self/exe\x00")
	argv := [2]*byte{path}
	envp := [1]*byte{}
	check("execve", sys.Execve(path, &argv[0], &envp[0]))
}

const chainLength = 12

// forkChain forks a chain of processes, the last of which echoes descriptor 0
// to descriptor 1 under a seccomp filter. The others wait for the next one and
// pass its status on.
func forkChain() {
	for range chainLength {
		pid, err := sys.Fork()
		check("fork", err)
		if pid > 0 {
			passOn(pid)
		}
	}
	ready()
	seccomp()
	echo()
}

// passOn waits for a child and ends as it did.
func passOn(pid int) {
	var status int32
	_, err := sys.Wait4(pid, &status, 0)
	check("wait4", err)
	sys.Exit(int(status>>8 | status&0x7f))
}

var message [512]byte

func echo() {
	fds := [1]sys.PollFD{{FD: 0, Events: sys.POLLIN}}
	for {
		if _, err := sys.Poll(fds[:], -1); err != 0 {
			sys.Exit(int(err))
		}
		n, err := sys.Read(0, message[:])
		if err != 0 || n == 0 {
			sys.Exit(int(err))
		}
		// Long enough and deep enough to be preempted, were there a sysmon.
		for range 1000 {
			message[n-1] = byte(depth(100))
		}
		sys.Write(1, message[:n])
	}
}

//go:noinline
func depth(n int) int {
	if n == 0 {
		return 0
	}
	return depth(n-1) + 1
}

// useRuntimeInChild collects garbage, yields, panics and allocates in a forked
// child, and waits there.
func useRuntimeInChild() {
	pid, err := sys.Fork()
	check("fork", err)
	if pid > 0 {
		passOn(pid)
	}
	for range 3 {
		runtime.GC()
		runtime.Gosched()
		recovered()
		allocate(8 << 20)
	}
	ready()
	waitForEnd()
}

// panicInChild panics in a forked child and ends as that does.
func panicInChild() {
	pid, err := sys.Fork()
	check("fork", err)
	if pid > 0 {
		passOn(pid)
	}
	panic("on purpose")
}

func recovered() {
	defer func() { recover() }()
	var m map[string]int
	m["nil map"] = 1
}

var kept [][]byte

func allocate(n int) {
	kept = nil
	for ; n > 0; n -= 4096 {
		kept = append(kept, make([]byte, 4096))
	}
}
