// SPDX-License-Identifier: ISC

package signal

import (
	"sync/atomic"

	"github.com/alcove-go/alcove/port/sys"
)

// Hold says whether the handler blocks a signal whose record it had to keep, and
// returns what was so before. A queue of real-time signals would otherwise keep
// the process in the handler for as long as new ones come: the loop would not
// run. To unblock them takes rt_sigprocmask(2), which a seccomp filter may not
// allow.
func Hold(on bool) (was bool) {
	was = atomic.LoadUint32(&holding) != 0
	var value uint32
	if on {
		value = 1
	}
	if was != on {
		atomic.StoreUint32(&holding, value)
	}
	return was
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
