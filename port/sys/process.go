// SPDX-License-Identifier: ISC

package sys

import "syscall"

// Rusage is struct rusage.
type Rusage = syscall.Rusage

// Wait4 is wait4(2). With WNOHANG it returns pid 0 while no child has changed.
// usage may be nil.
func Wait4(pid int, status *int32, options int, usage *Rusage) (int, Errno) {
	*status = -1
	n, err := count(Call6(SYS_WAIT4, uintptr(pid), ptr(status), uintptr(options), ptr(usage), 0, 0))
	if n <= 0 {
		*status = 0
		return n, err
	}
	return n, made(err, *status)
}

// Kill is kill(2).
func Kill(pid, signo int) Errno {
	return fail(Call(SYS_KILL, uintptr(pid), uintptr(signo), 0))
}

// Getpgid is getpgid(2).
func Getpgid(pid int) (int, Errno) {
	return count(Call(SYS_GETPGID, uintptr(pid), 0, 0))
}

// Getpid is getpid(2), which cannot fail.
func Getpid() int {
	r, _ := Call(SYS_GETPID, 0, 0, 0)
	return int(r)
}

// Fork is fork(2): the child returns 0 and goes on with a copy of the memory
// and of the stack it is on. Only a process with one thread may fork and then
// go on running Go.
func Fork() (pid int, err Errno) {
	var self int32
	return Clone(0, &self)
}

// Rlimit is struct rlimit with 64-bit values.
type Rlimit struct{ Cur, Max uint64 }
