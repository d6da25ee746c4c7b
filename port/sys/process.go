package sys

import "syscall"

// Execve is execve(2). The lists end with nil. It returns only on failure.
func Execve(path *byte, argv, envp **byte) Errno {
	return fail(Call(SYS_EXECVE, ptr(path), ptr(argv), ptr(envp)))
}

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

// Yield is sched_yield(2).
func Yield() { Call(SYS_SCHED_YIELD, 0, 0, 0) }

// Getpid is getpid(2).
func Getpid() int { return id(SYS_GETPID) }

// id is the result of a system call that cannot fail.
func id(nr uintptr) int {
	r, _ := Call(nr, 0, 0, 0)
	return int(r)
}

// Rlimit is struct rlimit with 64-bit values.
type Rlimit struct{ Cur, Max uint64 }
