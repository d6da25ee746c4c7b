// SPDX-License-Identifier: ISC

package signal

import (
	"sync/atomic"

	"github.com/alcove-go/alcove/port/sys"
)

// Hold has the handler block a signal whose record it had to keep. A queue of
// real-time signals would otherwise keep the process in the handler for as long as
// new ones come: the loop would not run. To unblock them takes rt_sigprocmask(2),
// which a seccomp filter may not allow.
func Hold() { atomic.StoreUint32(&holding, 1) }

// StopHolding has the handler block no more signals, unblocks those that it has
// blocked, and reports whether it did block them. A signal may come between any two
// steps: so the handler stops first.
func StopHolding() (was bool) {
	if atomic.LoadUint32(&holding) == 0 {
		return false
	}
	atomic.StoreUint32(&holding, 0)
	Release(pendingSet())
	return true
}

// Held returns the signals that the handler may have blocked: those with a kept
// record.
func Held() (held sys.Sigset) {
	if atomic.LoadUint32(&holding) != 0 {
		held = pendingSet()
	}
	return held
}

// Release unblocks signals that were held.
func Release(held sys.Sigset) {
	var none sys.Sigset
	if held != none {
		sys.Sigprocmask(sys.SIG_UNBLOCK, &held, nil)
	}
}
