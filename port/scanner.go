// SPDX-License-Identifier: ISC

package port

// scanner follows the frames in the input of a child.
type scanner struct {
	left   int     // bytes of the present frame that follow the header
	header [6]byte // length, type, call number
	have   int     // bytes of header known
	execs  bool    // the present frame is an exec call
	reads  bool    // there was a call that may have taken bytes which are followed as frames
}

// through returns how many bytes of b may be written before the gate closes:
// len(b), or less when an exec call ends there.
func (s *scanner) through(b []byte, calls Calls) (n int, closed bool) {
	for n < len(b) {
		if s.have < s.wanted() {
			s.header[s.have] = b[n]
			s.have++
			n++
			if s.have == s.wanted() {
				s.learn(calls)
			}
		} else {
			k := min(s.left, len(b)-n)
			s.left -= k
			n += k
		}
		if s.have == s.wanted() && s.left == 0 {
			closed = s.execs
			*s = scanner{reads: s.reads}
			if closed {
				return n, true
			}
		}
	}
	return n, false
}

// wanted returns how much of the present frame's header has to be known. A frame
// may be shorter than a header.
func (s *scanner) wanted() int {
	if s.have < lengthSize {
		return lengthSize
	}
	return min(len(s.header), lengthSize+get16(s.header[:]))
}

func (s *scanner) learn(calls Calls) {
	s.left = lengthSize + get16(s.header[:]) - s.have
	if s.have < len(s.header) || get16(s.header[lengthSize:]) != typeCall {
		return
	}
	nr := get16(s.header[headerSize:])
	s.execs = calls.Execs(nr)
	s.reads = s.reads || calls.Reads(nr)
}
