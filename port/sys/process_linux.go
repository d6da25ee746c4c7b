// SPDX-License-Identifier: ISC

package sys

import (
	"syscall"
	"unsafe"
)

// Clone is [Fork] with the flags of clone(2), for namespaces. In the child self
// becomes its pid as it sees it. Whatever signal the flags name, the child's exit
// signal is SIGCHLD. Flags that make the child share memory, signal handlers or thread
// storage with its parent would end both; they are the caller's to refuse.
func Clone(flags uintptr, self *int32) (pid int, err Errno) {
	*self = -1
	if flags&CLONE_NEWTIME != 0 {
		// In the flags of clone this bit would be part of CSIGNAL, the exit signal.
		pid, err = clone3(flags, self)
	} else {
		// The thread id of the child comes fourth or fifth, by architecture; the
		// other one is thread storage, which is not looked at.
		pid, err = count(Call6(SYS_CLONE, forkFlags(flags), 0, 0, ptr(self), ptr(self), 0))
	}
	if pid == 0 {
		err = made(err, *self) // else this is no child
	}
	return pid, err
}

// forkFlags returns flags for a fork whose end SIGCHLD tells.
func forkFlags(flags uintptr) uintptr { return flags&^CSIGNAL | CLONE_CHILD_SETTID | SIGCHLD }

// cloneArgs is struct clone_args of Linux 5.3, its first version.
type cloneArgs struct {
	flags, pidfd, childTid, parentTid, exitSignal, stack, stackSize, tls uint64
}

func clone3(flags uintptr, self *int32) (int, Errno) {
	args := cloneArgs{
		flags:      uint64(flags&^CSIGNAL | CLONE_NEWTIME | CLONE_CHILD_SETTID),
		childTid:   uint64(ptr(self)),
		exitSignal: SIGCHLD,
	}
	return count(Call(SYS_CLONE3, ptr(&args), unsafe.Sizeof(args), 0))
}

// Exit ends the process with exit_group(2). It does not return. Where a filter
// has the kernel skip that, there are other ways.
func Exit(status int) {
	for {
		Call(SYS_EXIT_GROUP, uintptr(status), 0, 0)
		Call(SYS_EXIT, uintptr(status), 0, 0)
		Kill(Getpid(), SIGKILL)
	}
}

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

// Getrlimit is prlimit64(2), as libc makes it: getrlimit(2) has values of 32 bits
// on some machines.
func Getrlimit(resource int, limit *Rlimit) Errno { return prlimit(resource, nil, limit) }

// Setrlimit is prlimit64(2).
func Setrlimit(resource int, limit *Rlimit) Errno { return prlimit(resource, limit, nil) }

func prlimit(resource int, limit, old *Rlimit) Errno {
	return fail(Call6(SYS_PRLIMIT64, 0, uintptr(resource), ptr(limit), ptr(old), 0, 0))
}

// Unlimited is RLIM_INFINITY, no limit.
const Unlimited = ^uint64(0)

// WaitStatus is what wait4(2) tells of a child.
type WaitStatus = syscall.WaitStatus
