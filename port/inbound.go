package port

// The two bytes after a call's body that its arguments may run into, as zeros
// (a quirk of the protocol that clients know).
const slack = 2

// inbound is what was read from descriptor 0 and not yet handled.
type inbound struct {
	buffer
	lent  bool        // the slack after the present call is zeroed
	saved [slack]byte // what was there
	at    int
}

const inboundSize = 2*maxFrame + slack

func (in *inbound) reset() { in.r, in.w, in.lent = 0, 0, false }

// lend zeroes the bytes at offset at, until restore.
func (in *inbound) lend(at int) {
	in.at, in.lent = at, true
	copy(in.saved[:], in.b[at:])
	in.b[at], in.b[at+1] = 0, 0
}

func (in *inbound) restore() {
	if in.lent {
		copy(in.b[in.at:], in.saved[:])
		in.lent = false
	}
}
