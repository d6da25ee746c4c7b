package sys

// Fork is fork(2): the child returns 0 and goes on with a copy of the memory
// and of the stack it is on. Only a process with one thread may fork and then
// go on running Go.
//
// The kernel gives the child 0 as the first result, and 1 or 0, by
// architecture, as the second, which is of no interest: package syscall tells
// parent and child apart by the first, too.
func Fork() (pid int, err Errno) { return count(Call(SYS_FORK, 0, 0, 0)) }

// Clone is [Fork]: there are no namespaces, so flags other than 0 are refused.
// In the child self becomes its pid.
func Clone(flags uintptr, self *int32) (pid int, err Errno) {
	if flags != 0 {
		return 0, EINVAL
	}
	if pid, err = Fork(); err == 0 && pid == 0 {
		*self = int32(Getpid())
	}
	return pid, err
}

// Exit ends the process with exit(2). It does not return.
func Exit(status int) {
	for {
		Call(SYS_EXIT, uintptr(status), 0, 0)
	}
}

// ThrKill is thr_kill(2): it signals one thread of the process.
func ThrKill(tid, signo int) Errno {
	return fail(Call(SYS_THR_KILL, uintptr(tid), uintptr(signo), 0))
}

// ThrSelf is thr_self(2): the id of the calling thread.
func ThrSelf() int {
	var tid int
	Call(SYS_THR_SELF, ptr(&tid), 0, 0)
	return tid
}

// SetSubreaper fails: the reapers of procctl(2) are not used yet.
func SetSubreaper() Errno { return ENOTSUP }

// IsSubreaper tells that this process is none.
func IsSubreaper() bool { return false }
