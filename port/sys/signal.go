// SPDX-License-Identifier: ISC

package sys

// Catch returns the action of a handler that gets the siginfo, runs on the stack of
// what it interrupts and is not interrupted by another signal. There is no SA_RESTART:
// a signal is to end a system call that sleeps.
func Catch(handler uintptr) Sigaction {
	a := Sigaction{Handler: handler, Flags: SA_SIGINFO}
	a.complete()
	return a
}
