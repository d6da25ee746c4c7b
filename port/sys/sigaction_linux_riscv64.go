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

// Catch is the action of a handler that gets the siginfo, runs on the alternate
// stack and is not interrupted by another signal. There is no SA_RESTART: a
// signal is to end a system call that sleeps.
func Catch(handler uintptr) Sigaction {
	return Sigaction{Handler: handler, Flags: SA_SIGINFO | SA_ONSTACK, Mask: EverySignal()}
}
