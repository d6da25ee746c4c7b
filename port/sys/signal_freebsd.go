// SPDX-License-Identifier: ISC

package sys

// Sigset is sigset_t. Bit (n-1)%64 of element (n-1)/64 stands for signal n.
type Sigset [2]uint64

// SetOf returns the set of one signal, which is below 65.
func SetOf(signo int) Sigset { return Sigset{1 << (signo - 1)} }

// AddSignal adds a signal to a set.
func AddSignal(set *Sigset, signo int) { set[(signo-1)/64] |= 1 << ((signo - 1) % 64) }

// EverySignal returns the set of all signals.
func EverySignal() Sigset { return Sigset{^uint64(0), ^uint64(0)} }

// EverySignalButSIGSYS is [EverySignal]: nothing but a mistake sends SIGSYS.
func EverySignalButSIGSYS() Sigset { return EverySignal() }

// Sigprocmask is sigprocmask(2). Both sets may be nil.
func Sigprocmask(how int, set, old *Sigset) Errno {
	return fail(Call(SYS_SIGPROCMASK, uintptr(how), ptr(set), ptr(old)))
}

// Sigaction is struct sigaction. A handler returns to code of the kernel.
type Sigaction struct {
	Handler uintptr   // SIG_DFL, SIG_IGN or the address of a handler
	Flags   int32     // SA_ flags
	mask    [4]uint32 // sigset_t, which is not aligned to more than four bytes
}

// complete makes every signal be blocked while the handler runs.
func (a *Sigaction) complete() {
	for i := range a.mask {
		a.mask[i] = ^uint32(0)
	}
}

// SetSigaction is sigaction(2). Both actions may be nil.
func SetSigaction(signo int, action, old *Sigaction) Errno {
	return fail(Call(SYS_SIGACTION, uintptr(signo), ptr(action), ptr(old)))
}
