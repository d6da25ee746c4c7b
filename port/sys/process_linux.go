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

// Exit ends the process with exit_group(2). It does not return.
func Exit(status int) {
	for {
		Call(SYS_EXIT_GROUP, uintptr(status), 0, 0)
	}
}

// Tgkill is tgkill(2): it signals one thread.
func Tgkill(pid, tid, signo int) Errno {
	return fail(Call(SYS_TGKILL, uintptr(pid), uintptr(tid), uintptr(signo)))
}

// Gettid is gettid(2).
func Gettid() int { return id(SYS_GETTID) }

// SetSubreaper is prctl(PR_SET_CHILD_SUBREAPER): orphans below the process
// become its children.
func SetSubreaper() Errno {
	return fail(Call6(SYS_PRCTL, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0, 0))
}

// IsSubreaper is prctl(PR_GET_CHILD_SUBREAPER).
func IsSubreaper() bool {
	var set int32
	_, err := Call6(SYS_PRCTL, PR_GET_CHILD_SUBREAPER, ptr(&set), 0, 0, 0, 0)
	return err == 0 && set != 0
}
