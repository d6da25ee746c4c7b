package signal

import (
	"math/bits"
	"sync/atomic"
)

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 128

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
	kept    [Max]overflow // by signal number - 1
	pending uint64        // bit signo-1 is set while kept holds a record to take

	// pipeBroken is not zero once a write failed with EPIPE. Such a write
	// raises SIGPIPE, whose record would raise the next one.
	pipeBroken uint32
)

// TakeOverflow fetches the kept record of the lowest numbered signal that has
// one. It reports false when there is none.
func TakeOverflow(info *[InfoSize]byte) (signo int, ok bool) {
	for {
		set := atomic.LoadUint64(&pending)
		if set == 0 {
			return 0, false
		}
		i := bits.TrailingZeros64(set)
		bit := uint64(1) << i
		k := &kept[i]
		count := atomic.LoadUint32(&k.count)
		atomic.AndUint64(&pending, ^bit)
		*info = k.info
		if atomic.LoadUint32(&k.count) == count {
			return i + 1, true
		}
		// The handler came between: info may be half old and half new, and
		// the bit may have been cleared after the handler set it.
		atomic.OrUint64(&pending, bit)
	}
}

// ResetOverflow forgets what is kept. A forked child calls it, since the
// records belong to its parent, once it has a signal pipe of its own. It
// writes only what differs: the child shares this memory as long as it does
// not write to it.
func ResetOverflow() {
	if atomic.LoadUint64(&pending) != 0 {
		atomic.StoreUint64(&pending, 0)
	}
	if atomic.LoadUint32(&pipeBroken) != 0 {
		atomic.StoreUint32(&pipeBroken, 0)
	}
}
