// SPDX-License-Identifier: ISC

package test

import "golang.org/x/sys/unix"

// What differs between machines: numbers of system calls, flags, registers.
var (
	pollCalls   = []int{unix.SYS_POLL}
	selectCalls = []int{unix.SYS_SELECT, unix.SYS_PSELECT6}
	openCalls   = []int{unix.SYS_OPEN, unix.SYS_OPENAT}
	// Those that filters in the field allow to a process that runs the port.
	fieldCalls = []int{unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETPID, unix.SYS_GETRLIMIT, unix.SYS_POLL, unix.SYS_READ,
		unix.SYS_RESTART_SYSCALL, unix.SYS_RT_SIGRETURN, unix.SYS_SETRLIMIT, unix.SYS_WRITE, unix.SYS_WRITEV}
)

const (
	largeFile = 0o100000 // what the kernel adds to the flags of open
	// The register set of ptrace: its size, and the offsets of the instruction pointer and of the
	// number of the system call to be made again (restartedCall).
	registersSize, instructionPointer = 216, 16 * 8
)

var restartedCall = 15 * 8

var (
	limitCall = unix.SYS_PRLIMIT64
	queueCall = unix.SYS_RT_SIGQUEUEINFO
)
