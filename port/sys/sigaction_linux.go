//go:build 386 || amd64 || arm || arm64

// SPDX-License-Identifier: ISC

package sys

// Sigaction is the kernel's struct sigaction.
type Sigaction struct {
	Handler  uintptr // SIG_DFL, SIG_IGN or the address of a handler
	Flags    uintptr // SA_ flags
	Restorer uintptr // where a handler returns to, with saRestorer
	Mask     Sigset  // signals blocked while the handler runs, as in Sigprocmask
}

// saRestorer is SA_RESTORER, which the headers of the C library hide.
const saRestorer = 0x04000000

// restorerPC returns the address of code that calls rt_sigreturn(2).
func restorerPC() uintptr

// complete makes every signal be blocked while the handler runs, and the handler
// return.
func (a *Sigaction) complete() {
	a.Mask = EverySignal()
	a.Flags |= saRestorer
	a.Restorer = restorerPC()
}
