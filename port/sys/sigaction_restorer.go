//go:build 386 || amd64 || arm || arm64

package sys

// Sigaction is the kernel's struct sigaction.
type Sigaction struct {
	Handler  uintptr // SigDefault, SigIgnore or the address of a handler
	Flags    uintptr // SA_ flags
	Restorer uintptr // where a handler returns to, with SaRestorer
	Mask     uint64  // signals blocked while the handler runs, as in Sigprocmask
}
