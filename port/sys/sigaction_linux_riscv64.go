// SPDX-License-Identifier: ISC

package sys

// Sigaction is the kernel's struct sigaction, and behind it the restorer that
// other architectures have: qemu-riscv64 writes one when it returns an action.
// Handlers return to code of the kernel's, in the vdso.
type Sigaction struct {
	Handler uintptr // SIG_DFL, SIG_IGN or the address of a handler
	Flags   uintptr // SA_ flags
	Mask    Sigset  // signals blocked while the handler runs, as in Sigprocmask
	_       uintptr
}

// complete makes every signal be blocked while the handler runs.
func (a *Sigaction) complete() { a.Mask = EverySignal() }
