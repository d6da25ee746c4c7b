// SPDX-License-Identifier: ISC

package signal

import (
	"sync/atomic"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// A process that sleeps in a call does not see that its parent is gone. The
// kernel tells with SIGIO, which ends the sleep with EINTR. But when it comes
// just before the call begins to sleep there is nothing to interrupt, and no
// other signal follows. So such calls are made by Interruptible, which begins
// none once SIGIO has come. The handler may find the process between the look
// at that and the system call: then it has it leave with EINTR, as if the call
// had begun.
//
// This is how cancellation points of threads are made in C libraries. A timer, or
// a wait with another signal mask, would be more system calls.
var (
	interrupted uint32 // SIGIO has come; set by the handler

	// Where interruptible has not made its system call yet, from its start to the
	// address of that instruction.
	windowFirst, windowLast uintptr
)

// For the handler and for interruptible, which are in assembly.
const (
	sigio           = sys.SIGIO
	interruptedCall = sys.EINTR
)

func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
func interruptiblePC() uintptr

// Interruptible makes a system call that may sleep. It fails with EINTR if SIGIO
// has come since ForgetInterrupt, or comes.
//
//go:nosplit
func Interruptible(nr, a, b, c, d, e, f uintptr) (uintptr, sys.Errno) {
	return sys.Result(interruptible(nr, a, b, c, d, e, f))
}

// Interrupt makes Interruptible fail from now on.
func Interrupt() { atomic.StoreUint32(&interrupted, 1) }

// ForgetInterrupt makes Interruptible sleep again.
func ForgetInterrupt() {
	if atomic.LoadUint32(&interrupted) != 0 {
		atomic.StoreUint32(&interrupted, 0)
	}
}

// FindWindow prepares the handler for Interruptible: it looks for the system call
// in the code. It reports false if that is not there.
func FindWindow() bool {
	if windowLast != 0 {
		return true
	}
	const most = 256
	start := interruptiblePC()
	code := unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(nil), start)), most)
	for i := range most - len(callInstruction) {
		if string(code[i:i+len(callInstruction)]) == callInstruction {
			windowFirst, windowLast = start, start+uintptr(i)
			return true
		}
	}
	return false
}
