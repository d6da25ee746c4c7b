// SPDX-License-Identifier: ISC

package signal

import "github.com/alcove-go/alcove/port/sys"

// Interruptible makes a system call. The handler does not interrupt those that
// are about to sleep here.
//
//go:nosplit
func Interruptible(nr, a, b, c, d, e, f uintptr) (uintptr, sys.Errno) {
	return sys.Call6(nr, a, b, c, d, e, f)
}
