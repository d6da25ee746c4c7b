// SPDX-License-Identifier: ISC

package port

// The two bytes after a call's body that its arguments may run into, as zeros
// (a quirk of the protocol that clients know).
const slack = 2

// inbound is what was read from descriptor 0 and not yet handled.
type inbound struct {
	buffer
	fd    int         // stdin
	lent  bool        // the slack after the present call was that of another
	saved [slack]byte // what was there
	at    int
}

const inboundSize = 2*maxFrame + slack

func (in *inbound) reset() { in.r, in.w, in.lent = 0, 0, false }

// lend returns the term of a call, which ends where unhandled input starts, with the
// slack behind it. That is zeroed, until restore.
func (in *inbound) lend(term []byte) []byte {
	in.at, in.lent = in.r, in.len() > 0
	copy(in.saved[:], in.b[in.at:])
	in.b[in.at], in.b[in.at+1] = 0, 0
	return in.b[in.r-len(term) : in.r+slack]
}

func (in *inbound) restore() {
	if in.lent {
		copy(in.b[in.at:], in.saved[:])
		in.lent = false
	}
}

// join moves b to the end of a and returns both as one. They are contents of frames
// that have been handled, those of a first: all between them is of no more use.
func (in *inbound) join(a, b []byte) []byte {
	n := len(a)
	a = a[:n+len(b)]
	copy(a[n:], b)
	return a
}
