// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// The control socket connects descriptor 5 of a forked child with its parent.
// That of the top-level process leads to a driver that listens (connect.go),
// which does what is said of the parent here.
//
// It closes on exec, and so tells the parent that the child now is another
// program. The child also sends notices on it, around its calls that exec:
//
//   - before it execs, how many bytes it has written to its standard output.
//     These are frames; all that follows is the output of the new program;
//   - whether the exec failed, so that the parent passes on what it holds back
//     (feed.go).
//
// A child whose socket closes without a notice of an exec was killed or ended:
// all that is in its output pipe are frames.
const (
	noticeExec   = 1 + iota // about to exec; the socket closes when that succeeds
	noticeKept              // about to exec, but the socket stays open (re-execution)
	noticeFailed            // the exec call failed, or was refused
	noticeInput             // a call read from descriptor 0: its bytes are not all frames
)

const (
	noticeSize  = 16 // noticeMagic, kind, number of bytes
	noticeMagic = 0x616c6376
)

// notify sends a notice with the number of bytes written since the last one.
// Errors are of no consequence: without a parent nobody waits for it.
func (p *Process) notify(kind uint32) { p.notifyAhead(kind, 0) }

// notifyAhead counts more bytes, which are about to be written.
func (p *Process) notifyAhead(kind uint32, more int) {
	var b [noticeSize]byte
	n := p.out.wrote + uint64(more)
	put32(b[0:], noticeMagic)
	put32(b[4:], kind)
	put32(b[8:], uint32(n>>32))
	put32(b[12:], uint32(n))
	sys.Write(p.control, b[:])
	p.out.wrote = -uint64(more)
}
