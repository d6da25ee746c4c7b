package sys

import "unsafe"

// Fork is fork(2): the child returns 0 and goes on with a copy of the memory
// and of the stack it is on. Only a process with one thread may fork and then
// go on running Go.
func Fork() (pid int, err Errno) { return Clone(0) }

// Clone is [Fork] with the flags of clone(2), for namespaces. Whatever signal
// the flags name, the child's exit signal is SIGCHLD. Flags that make the child
// share memory, signal handlers or thread storage with its parent would end
// both; they are the caller's to refuse.
func Clone(flags uintptr) (pid int, err Errno) {
	if flags&CLONE_NEWTIME != 0 {
		// In the flags of clone this bit would be part of CSIGNAL, the exit signal.
		return clone3(flags)
	}
	// The stack, thread id and thread storage arguments are zero, so that
	// their order, which differs between architectures, does not matter.
	return count(Call6(SYS_CLONE, flags&^CSIGNAL|SIGCHLD, 0, 0, 0, 0, 0))
}

// cloneArgs is struct clone_args of Linux 5.3, its first version.
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls uint64
}

func clone3(flags uintptr) (int, Errno) {
	args := cloneArgs{
		flags:      uint64(flags&^CSIGNAL | CLONE_NEWTIME),
		exitSignal: SIGCHLD,
	}
	return count(Call(SYS_CLONE3, ptr(&args), unsafe.Sizeof(args), 0))
}

// Execve is execve(2). The lists end with nil. It returns only on failure.
func Execve(path *byte, argv, envp **byte) Errno {
	return fail(Call(SYS_EXECVE, ptr(path), ptr(argv), ptr(envp)))
}

// Exit ends the process with exit_group(2). It does not return.
func Exit(status int) {
	for {
		Call(SYS_EXIT_GROUP, uintptr(status), 0, 0)
	}
}

// Wait4 is wait4(2) without the resource usage. With WNOHANG it returns pid 0
// while no child has changed.
func Wait4(pid int, status *int32, options int) (int, Errno) {
	return count(Call6(SYS_WAIT4, uintptr(pid), ptr(status), uintptr(options), 0, 0, 0))
}

// Kill is kill(2).
func Kill(pid, signo int) Errno {
	return fail(Call(SYS_KILL, uintptr(pid), uintptr(signo), 0))
}

// Tgkill is tgkill(2): it signals one thread.
func Tgkill(pid, tid, signo int) Errno {
	return fail(Call(SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(signo)))
}

// Yield is sched_yield(2).
func Yield() { Call(SYS_SCHED_YIELD, 0, 0, 0) }

// Getpid is getpid(2).
func Getpid() int { return id(SYS_GETPID) }

// Gettid is gettid(2).
func Gettid() int { return id(SYS_GETTID) }

// id is the result of a system call that cannot fail.
func id(nr uintptr) int {
	r, _ := Call(nr, 0, 0, 0)
	return int(r)
}
