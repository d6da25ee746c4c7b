// SPDX-License-Identifier: ISC

package signal

import (
	"math/bits"
	"sync/atomic"

	"github.com/alcove-go/alcove/port/sys"
)

// WriteFD is the descriptor that the handler writes records to.
const WriteFD = 4

// overflow is the latest record of a signal that the pipe did not take.
type overflow struct {
	info  [InfoSize]byte
	count uint32 // how many times the handler has written info
}

// What follows is written by the handler, which can interrupt the program
// between any two instructions but is never interrupted itself.
var (
	kept [Max]overflow // by signal number - 1

	// Bit (signo-1)%64 of element (signo-1)/64 is set while kept holds a record
	// to take.
	pending [Max / 64]uint64

	// pipeBroken is not zero once a write failed with EPIPE. Such a write
	// raises SIGPIPE, whose record would raise the next one.
	pipeBroken uint32

	// holding is not zero where the handler blocks a signal whose record it had
	// to keep (Hold).
	holding uint32
)

// TakeOverflow fetches the kept record of the lowest numbered signal that has
// one. It reports false when there is none. If the handler has blocked the signal,
// TakeOverflow adds it to held, which must be released: no record says so any more.
func TakeOverflow(info *[InfoSize]byte, held *sys.Sigset) bool {
	for i := range pending {
		for {
			set := atomic.LoadUint64(&pending[i])
			if set == 0 {
				break
			}
			n := bits.TrailingZeros64(set)
			if take(info, i, n) {
				if atomic.LoadUint32(&holding) != 0 {
					sys.AddSignal(held, 64*i+n+1)
				}
				return true
			}
		}
	}
	return false
}

// take fetches the record of bit n of pending[i]. It reports false when the
// handler came between: info may be half old and half new, and the bit may have
// been cleared after the handler set it.
func take(info *[InfoSize]byte, i, n int) bool {
	k, bit := &kept[64*i+n], uint64(1)<<n
	count := atomic.LoadUint32(&k.count)
	atomic.AndUint64(&pending[i], ^bit)
	*info = k.info
	if atomic.LoadUint32(&k.count) == count {
		return true
	}
	atomic.OrUint64(&pending[i], bit)
	return false
}

// ResetOverflow forgets what is kept. A forked child calls it, since the
// records belong to its parent, once it has a signal pipe of its own. It
// writes only what differs: the child shares this memory as long as it does
// not write to it.
func ResetOverflow() {
	for i := range pending {
		if atomic.LoadUint64(&pending[i]) != 0 {
			atomic.StoreUint64(&pending[i], 0)
		}
	}
	if atomic.LoadUint32(&pipeBroken) != 0 {
		atomic.StoreUint32(&pipeBroken, 0)
	}
}
