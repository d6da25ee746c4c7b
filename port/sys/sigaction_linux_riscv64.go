package sys

// SA_RESTORER is nothing here: the kernel has a restorer of its own, in the
// vdso.
const SA_RESTORER = 0

// Sigaction is the kernel's struct sigaction, followed by what other
// architectures have in it.
type Sigaction struct {
	Handler  uintptr // SIG_DFL, SIG_IGN or the address of a handler
	Flags    uintptr // SA_ flags
	Mask     Sigset  // signals blocked while the handler runs, as in Sigprocmask
	Restorer uintptr // not used
}
