// SPDX-License-Identifier: ISC

// Package signal turns signals into records of their siginfo. It is no API
// for others.
//
// The handler is written in assembly, because the one thread of the process
// may be anywhere when a signal arrives. It calls no Go code, except for a
// fault. It makes one system call, write(2), so that it also works under a
// narrow seccomp filter.
//
// A record is the siginfo_t as the kernel delivered it, [InfoSize] bytes. The
// handler writes it to the signal pipe, whose write end is descriptor
// [WriteFD] and must not block. When the pipe does not take the record, the
// handler keeps it in memory, the latest of each signal, until [TakeOverflow]
// fetches it. So a flood of signals coalesces, as signals do that are pending
// in the kernel, but no signal is forgotten.
//
// Where [Hold] says so, the handler also blocks a signal whose record it kept,
// until the loop has taken that and calls [Release]. Otherwise a long queue of
// real-time signals would keep the process in the handler.
//
// A fault that the process itself caused, such as a nil pointer, is no record.
// The handler tells what it was, see [TellFaults], blocks the signal in the
// interrupted context and returns. The instruction faults again. The kernel
// ends a process that faults while the signal is blocked, whatever its
// disposition.
package signal
