// SPDX-License-Identifier: ISC

package etf

// A Decoder is a cursor over a message.
//
// A method that reads a term either accepts it, returns its value and moves
// behind it, or refuses it. After the first refusal the Decoder has failed:
// the cursor stays before the term that was refused, and until the next Reset
// every method that reads returns the zero value of its result.
//
// Results of type []byte either alias the message or are built in a buffer of
// the caller. The message is never modified.
//
// The zero value is a Decoder of the empty message.
type Decoder struct {
	b      []byte
	off    int // of the next term, 0 <= off <= len(b)
	failed bool
}

// Reset puts the cursor at the beginning of b, with nothing refused yet.
func (d *Decoder) Reset(b []byte) {
	*d = Decoder{b: b}
}

// OK reports whether nothing was refused since Reset.
func (d *Decoder) OK() bool { return !d.failed }

// Fail makes the Decoder fail. It is for callers that refuse a value for a
// reason of their own.
func (d *Decoder) Fail() { d.failed = true }

// Offset returns the number of bytes between the beginning of the message and
// the cursor.
func (d *Decoder) Offset() int { return d.off }

// Rest returns the message from the cursor on.
func (d *Decoder) Rest() []byte { return d.b[d.off:] }

// Tag returns the tag of the next term without reading it. It returns 0 if
// there is no next term, or if its type is none of the Tag constants. It
// returns 0 as well if what the term announces does not fit in the message
// (see probe). The Decoder does not fail.
func (d *Decoder) Tag() byte { return d.probe().tag }

// Kind returns what the next term is without reading it, and Invalid where Tag
// returns 0.
func (d *Decoder) Kind() Kind { return kindOf(d.probe().tag) }

// Version reads the version byte that precedes a term.
func (d *Decoder) Version() {
	if d.failed || d.off == len(d.b) || d.b[d.off] != Version {
		d.Fail()
		return
	}
	d.off++
}

// Tuple reads the header of a tuple, in either encoding, and returns its
// arity. That many terms follow.
func (d *Decoder) Tuple() int { return d.header(Tuple) }

// List reads the header of a list and returns the number of its elements.
// That many terms follow, and then the tail of the list, which is for the
// caller to read (see Nil). The empty list is read as a whole: no tail follows
// it. A caller that must tell it from the unusual LIST_EXT with a count of 0,
// which does have a tail, asks Kind first.
//
// A list in STRING_EXT is refused. Erlang encodes a list so if all of its
// elements are integers from 0 to 255.
func (d *Decoder) List() int {
	if d.Kind() == Nil {
		return d.header(Nil)
	}
	return d.header(List)
}

// Nil reads the empty list, which is also the tail of every proper list.
func (d *Decoder) Nil() { d.header(Nil) }

// Binary reads a binary and returns its bytes, which alias the message.
func (d *Decoder) Binary() []byte { return d.payload(Binary) }

// String reads a list of bytes in STRING_EXT, and no other list. It returns
// the bytes, which alias the message.
func (d *Decoder) String() []byte { return d.payload(String) }

// Skip reads one term of any type that Kind knows, with all that it contains.
// It does not judge what only the reader of that type would: the text of an
// atom, the range of an integer, the tail of a list.
func (d *Decoder) Skip() {
	start := d.off
	// Every term read takes at least one byte, and no count exceeds the length
	// of the message, so this neither overflows nor runs longer than the message.
	for pending := 1; pending > 0; pending-- {
		h := d.probe()
		switch h.kind() {
		case Invalid:
			d.off = start
			d.Fail()
			return
		case Tuple:
			pending += h.n
			d.off = h.body
		case List:
			pending += h.n + 1
			d.off = h.body
		case SmallBig, LargeBig:
			d.off = d.bigEnd(h)
		default:
			d.off = h.body + h.n
		}
	}
}

// header reads a term of kind k up to its elements or bytes and returns how
// many there are.
func (d *Decoder) header(k Kind) int {
	h := d.probe()
	if h.kind() != k {
		d.Fail()
		return 0
	}
	d.off = h.body
	return h.n
}

// payload reads a term of kind k, which consists of bytes.
func (d *Decoder) payload(k Kind) []byte {
	h := d.probe()
	if h.kind() != k {
		d.Fail()
		return nil
	}
	d.off = h.body + h.n
	return d.b[h.body:d.off:d.off]
}
