// SPDX-License-Identifier: ISC

package etf

// An Encoder appends encoded terms to a buffer of the caller, which it never
// grows.
//
// A term is appended whole or not at all. Once something did not fit the
// Encoder is full: it appends nothing any more, so that what is there stays
// the beginning of what was meant, until Reset or Truncate.
//
// The zero value has no room.
type Encoder struct {
	b    []byte
	full bool
}

// Reset makes the Encoder write to buf[:cap(buf)] from its beginning.
func (e *Encoder) Reset(buf []byte) {
	*e = Encoder{b: buf[:0]}
}

// Bytes returns what was appended. It aliases the buffer given to Reset.
func (e *Encoder) Bytes() []byte { return e.b }

// Len returns the number of bytes appended.
func (e *Encoder) Len() int { return len(e.b) }

// Room returns the number of bytes that can still be appended, also when full.
func (e *Encoder) Room() int { return cap(e.b) - len(e.b) }

// Full reports whether something did not fit.
func (e *Encoder) Full() bool { return e.full }

// Truncate takes back all but the first n bytes, 0 <= n <= Len(). The Encoder
// is no longer full.
func (e *Encoder) Truncate(n int) {
	e.b = e.b[:n]
	e.full = false
}

// Version appends the version byte that precedes a term.
func (e *Encoder) Version() {
	if b := e.next(1); b != nil {
		b[0] = Version
	}
}

// Atom appends an atom in SMALL_ATOM_UTF8_EXT. s is UTF-8 and has at most 255
// bytes; more do not fit.
func (e *Encoder) Atom(s string) {
	if b := e.small(TagSmallAtomUTF8, len(s), len(s)); b != nil {
		copy(b, s)
	}
}

// Bool appends the atom true or false.
func (e *Encoder) Bool(v bool) {
	if v {
		e.Atom("true")
	} else {
		e.Atom("false")
	}
}

// AtomBytes does what Atom does. Note that what Decoder.Atom returns is Latin-1, which
// is UTF-8 only if it is ASCII.
func (e *Encoder) AtomBytes(s []byte) {
	if b := e.small(TagSmallAtomUTF8, len(s), len(s)); b != nil {
		copy(b, s)
	}
}

// Binary appends a binary.
func (e *Encoder) Binary(p []byte) {
	if b := e.binary(len(p)); b != nil {
		copy(b, p)
	}
}

// BinaryString does what Binary does.
func (e *Encoder) BinaryString(s string) {
	if b := e.binary(len(s)); b != nil {
		copy(b, s)
	}
}

// BinaryHeader appends the header of a binary of n bytes, n >= 0, which the
// caller is to append with Raw. It does not reserve room for them.
func (e *Encoder) BinaryHeader(n int) {
	if b := e.next(5); b != nil {
		put32(b, TagBinary, n)
	}
}

// Tuple appends the header of a tuple, in SMALL_TUPLE_EXT. The caller is to
// append arity terms. An arity above 255 does not fit.
func (e *Encoder) Tuple(arity int) {
	e.small(TagSmallTuple, arity, 0)
}

// List appends the header of a list. The caller is to append count terms and
// then Nil, also for a count of 0: of an empty list there is no header.
func (e *Encoder) List(count int) {
	if count == 0 {
		return
	}
	if b := e.next(5); b != nil {
		put32(b, TagList, count)
	}
}

// Nil appends the empty list, which is also the tail of every list.
func (e *Encoder) Nil() {
	if b := e.next(1); b != nil {
		b[0] = TagNil
	}
}

// Raw appends p as it is.
func (e *Encoder) Raw(p []byte) {
	if b := e.next(len(p)); b != nil {
		copy(b, p)
	}
}

// next makes room for n bytes and returns them for the caller to fill, or nil
// if they do not fit.
func (e *Encoder) next(n int) []byte {
	at := len(e.b)
	if e.full || n > cap(e.b)-at {
		e.full = true
		return nil
	}
	e.b = e.b[:at+n]
	return e.b[at:]
}

// small appends tag and an 8-bit length field, makes room for size bytes and
// returns those, or nil if something does not fit.
func (e *Encoder) small(tag byte, length, size int) []byte {
	if length > 0xFF {
		e.full = true
		return nil
	}
	b := e.next(2 + size)
	if b == nil {
		return nil
	}
	b[0], b[1] = tag, byte(length)
	return b[2:]
}

// binary appends the header of a binary, makes room for its n bytes and returns
// those, or nil if something does not fit.
func (e *Encoder) binary(n int) []byte {
	b := e.next(5 + n)
	if b == nil {
		return nil
	}
	put32(b, TagBinary, n)
	return b[5:]
}

// put32 fills the first five bytes of b with tag and v, big-endian.
func put32(b []byte, tag byte, v int) {
	b[0] = tag
	b[1], b[2], b[3], b[4] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
}
