// SPDX-License-Identifier: ISC

package sys

// Sigset is the kernel's signal set. Bit n-1 stands for signal n.
type Sigset = uint64

// sigsetSize is the size in bytes of a Sigset.
const sigsetSize = 8

// SetOf returns the set of one signal.
func SetOf(signo int) Sigset { return 1 << (signo - 1) }

// AddSignal adds a signal to a set.
func AddSignal(set *Sigset, signo int) { *set |= SetOf(signo) }

// EverySignal returns the set of all signals.
func EverySignal() Sigset { return ^Sigset(0) }

// EverySignalButSIGSYS returns the set of all signals but the one that a seccomp
// filter sends: blocked, it would end the process.
func EverySignalButSIGSYS() Sigset { return ^Sigset(1 << (SIGSYS - 1)) }

// Sigprocmask is rt_sigprocmask(2). Both sets may be nil.
func Sigprocmask(how int, set, old *Sigset) Errno {
	return fail(Call6(SYS_RT_SIGPROCMASK, uintptr(how), ptr(set), ptr(old), sigsetSize, 0, 0))
}

// SetSigaction is rt_sigaction(2). Both actions may be nil.
func SetSigaction(signo int, action, old *Sigaction) Errno {
	return fail(Call6(SYS_RT_SIGACTION, uintptr(signo), ptr(action), ptr(old), sigsetSize, 0, 0))
}
