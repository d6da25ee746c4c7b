//go:build 386 || amd64 || arm || arm64

package sys

// SA_RESTORER says that a [Sigaction] has a Restorer. The headers of the C
// library hide it.
const SA_RESTORER = 0x04000000

// Sigaction is the kernel's struct sigaction.
type Sigaction struct {
	Handler  uintptr // SIG_DFL, SIG_IGN or the address of a handler
	Flags    uintptr // SA_ flags
	Restorer uintptr // where a handler returns to, with SA_RESTORER
	Mask     Sigset  // signals blocked while the handler runs, as in Sigprocmask
}
