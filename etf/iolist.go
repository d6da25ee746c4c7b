// SPDX-License-Identifier: ISC

package etf

// iolistDepth is the number of list brackets that may surround a byte, binary,
// string or empty list in an iolist.
const iolistDepth = 16

// IOList reads an iolist and returns dst with its bytes appended. An iolist is
// a binary, STRING_EXT, the empty list, or a proper list of these, of integers
// in SMALL_INTEGER_EXT (a byte each), and of such lists. The empty list may also
// be a LIST_EXT with a count of 0, in all of these places.
//
// At most max bytes, max >= 0, are accepted, with two twists that callers can see. In a
// STRING_EXT the last byte is not available: n bytes are accepted only if n+1
// would fit. And once max bytes are reached no further element of a list is
// accepted, be it empty.
//
// Refused are also other types at any place, INTEGER_EXT and bigs whatever
// their value, a tail that is not the empty list, and more than 16 list
// brackets around anything. dst should have room for max bytes; if it has
// less, its room takes the place of max.
func (d *Decoder) IOList(dst []byte, max int) []byte {
	l := iolist{Decoder: d, dst: dst[: len(dst) : len(dst)+min(max, cap(dst)-len(dst))]}
	start := d.off
	l.read()
	if d.failed {
		d.off = start
		return nil
	}
	return dst[:len(l.dst)]
}

// An iolist is the state of reading one.
type iolist struct {
	*Decoder
	dst   []byte           // its capacity is the limit
	depth int              // number of lists that are open
	left  [iolistDepth]int // elements still to be read of each open list
}

func (l *iolist) read() {
	l.term()
	for l.depth > 0 && !l.failed {
		left := &l.left[l.depth-1]
		if *left == 0 {
			l.depth--
			l.tail()
			continue
		}
		*left--
		l.element()
	}
}

// element reads an element of a list: a byte, or what an iolist may be.
func (l *iolist) element() {
	h := l.probe()
	switch {
	case len(l.dst) == cap(l.dst):
		l.Fail()
	case h.tag == TagSmallInteger:
		l.dst = push(l.dst, l.b[h.body])
		l.off = h.body + h.n
	default:
		l.term()
	}
}

// term reads an iolist, of a list only the header.
func (l *iolist) term() {
	switch l.Kind() {
	case Binary:
		l.add(l.Binary(), 0)
	case String:
		l.add(l.Decoder.String(), 1)
	case Nil:
		l.Nil()
	case List:
		l.open(l.List())
	default:
		l.Fail()
	}
}

// tail reads the end of a list: the empty list, in either encoding.
func (l *iolist) tail() {
	if l.Kind() == List && l.List() > 0 {
		l.Fail()
	}
	l.Nil()
}

// add appends b if spare bytes would be left.
func (l *iolist) add(b []byte, spare int) {
	if len(b)+spare > cap(l.dst)-len(l.dst) {
		l.Fail()
		return
	}
	n := len(l.dst)
	l.dst = l.dst[:n+len(b)]
	copy(l.dst[n:], b)
}

// open begins a list of n elements, one level deeper than the list itself. A
// list without elements has nothing at the deeper level, only its tail.
func (l *iolist) open(n int) {
	switch {
	case n == 0:
		l.Nil()
	case l.depth == iolistDepth:
		l.Fail()
	default:
		l.left[l.depth] = n
		l.depth++
	}
}
