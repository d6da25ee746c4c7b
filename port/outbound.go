// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

const (
	// While a frame of the greatest size still fits, nothing has to be written
	// before the next is made.
	outboundSize = burst * (maxFrame + pidHeaderSize)

	// Frames of children below this size are copied, so that many of them
	// become one piece; larger ones are written from where they are.
	copyBelow = 4096
)

// outbound gathers frames for one writev(2) on descriptor 1. It keeps the first
// error of a write and drops what is gathered from then on: Process.Flush, which
// every round calls, ends the process.
type outbound struct {
	fd     int // stdout
	arena  []byte
	used   int // bytes of arena in use
	pieced int // bytes of arena that are in pieces
	pieces pieces
	n      int         // pieces in use
	refers bool        // whether a piece is outside arena
	enc    etf.Encoder // writes the term of the frame that is being made
	start  int         // where in arena that frame starts
	term   int         // where its term starts
	wrote  uint64      // bytes written since the last notice to the parent
	err    sys.Errno   // of the write that failed
}

func (o *outbound) clear() { o.used, o.pieced, o.n, o.refers = 0, 0, 0, false }

// endPiece makes one piece of what was put in the arena since the last one.
func (o *outbound) endPiece() {
	if o.pieced < o.used {
		o.pieces[o.n] = iovec(o.arena[o.pieced:o.used])
		o.n++
		o.pieced = o.used
	}
}

// reserve returns room for n bytes, n at most maxFrame+pidHeaderSize. What was
// filled of it is kept by commit.
func (o *outbound) reserve(n int) []byte {
	if len(o.arena)-o.used < n {
		o.flush()
	}
	return o.arena[o.used : o.used+n]
}

func (o *outbound) commit(n int) { o.used += n }

// empty reports whether nothing waits to be written.
func (o *outbound) empty() bool { return o.used == 0 && o.n == 0 && o.err == 0 }

// sent counts n bytes of a frame that were written at once, and keeps the rest.
func (o *outbound) sent(frame []byte, n int) {
	o.wrote += uint64(n)
	o.commit(copy(o.reserve(len(frame)-n), frame[n:]))
}

// refer adds b itself, which must not change before the next flush.
func (o *outbound) refer(b []byte) {
	if o.n+2 >= maxPieces {
		o.flush()
	}
	o.endPiece()
	o.pieces[o.n] = iovec(b)
	o.n++
	o.refers = true
}

// flush writes all that was gathered. It blocks until the reader has taken it.
func (o *outbound) flush() sys.Errno {
	o.endPiece()
	for first := 0; first < o.n && o.err == 0; {
		n, err := sys.Writev(o.fd, o.pieces[first:o.n])
		switch err {
		case 0:
			o.wrote += uint64(n)
			first = o.pieces.advance(first, o.n, n)
		case sys.EINTR:
		case sys.EAGAIN:
			awaitWriting(o.fd)
		default:
			o.err = err
		}
	}
	o.clear()
	return o.err
}
