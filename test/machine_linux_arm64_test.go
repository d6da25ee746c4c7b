// SPDX-License-Identifier: ISC

package test

import "golang.org/x/sys/unix"

// What differs between machines: numbers of system calls, flags, registers.
var (
	pollCalls   = []int{unix.SYS_PPOLL}
	selectCalls = []int{unix.SYS_PSELECT6}
	openCalls   = []int{unix.SYS_OPENAT}
	// Those that filters in the field allow to a process that runs the port, in the spelling of
	// this machine.
	fieldCalls = []int{unix.SYS_EXIT, unix.SYS_EXIT_GROUP, unix.SYS_GETPID, unix.SYS_GETRLIMIT, unix.SYS_PPOLL, unix.SYS_READ,
		unix.SYS_RESTART_SYSCALL, unix.SYS_RT_SIGRETURN, unix.SYS_SETRLIMIT, unix.SYS_WRITE, unix.SYS_WRITEV}
)

const (
	largeFile = 0o400000 // what the kernel adds to the flags of open
	// The register set of ptrace: its size, and the offset of the instruction pointer. There is no
	// register that says whether a system call is to be made again.
	registersSize, instructionPointer = 272, 32 * 8
)

var restartedCall = -1

var (
	limitCall = unix.SYS_PRLIMIT64
	queueCall = unix.SYS_RT_SIGQUEUEINFO
)
