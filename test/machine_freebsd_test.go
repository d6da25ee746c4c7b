// SPDX-License-Identifier: ISC

package test

import "golang.org/x/sys/unix"

// What differs between machines and systems, for tests that run on FreeBSD, and what those that do
// not run there are compiled with.
var (
	pollCalls     = []int{unix.SYS_POLL, unix.SYS_PPOLL}
	selectCalls   = []int{unix.SYS_SELECT, unix.SYS_PSELECT}
	openCalls     = []int{unix.SYS_OPEN, unix.SYS_OPENAT}
	fieldCalls    []int
	limitCall     = unix.SYS_SETRLIMIT
	queueCall     = 456 // sigqueue(2)
	restartedCall = -1
)

const (
	largeFile                         = 0
	registersSize, instructionPointer = 0, 0
)
