// SPDX-License-Identifier: ISC

package etf

import "math/bits"

// A Text shows terms to people, much as Erlang prints them, in a buffer of the
// caller, which it never grows.
//
// Where the room ends the text is cut and ends with "...". It then takes
// nothing more until Reset. Nothing of a message appears in it as it is but
// ASCII that prints: a terminal can be trusted with it.
//
// The zero value has no room.
type Text struct {
	b    []byte
	room int // bytes that can still be written, and the ellipsis then
	cut  bool
}

const ellipsis = "..."

// Reset makes the Text write to buf[:cap(buf)] from its beginning.
func (t *Text) Reset(buf []byte) {
	*t = Text{b: buf[:0], room: cap(buf) - len(ellipsis)}
}

// Bytes returns what was written. It aliases the buffer given to Reset.
func (t *Text) Bytes() []byte { return t.b }

// String writes s as it is.
func (t *Text) String(s string) {
	for i := range len(s) {
		t.byte(s[i])
	}
}

// Int writes v in decimal.
func (t *Text) Int(v int64) {
	if v < 0 {
		t.byte('-')
		t.decimal(-uint64(v))
		return
	}
	t.decimal(uint64(v))
}

// Binary writes b as a binary: as <<"text">> if the part that fits looks like
// text, otherwise as <<1,2,3>>.
func (t *Text) Binary(b []byte) {
	t.String("<<")
	if len(b) > 0 {
		t.bytes(b)
	}
	t.String(">>")
}

// Term reads the next term of d, which fails if there is none, and writes it.
// Of a text that is cut the Decoder may have read any part.
//
// Lists of bytes are shown as strings if they look like text, integers of more
// than 64 bits in hexadecimal, and what has more than 16 brackets around it as
// "...". A "?" stands for what is not a term.
func (t *Text) Term(d *Decoder) {
	p := printer{Text: t, d: d}
	p.term()
	for p.depth > 0 && !t.cut && !d.failed {
		p.next()
	}
	if d.failed {
		t.byte('?')
	}
}

func (t *Text) byte(c byte) {
	switch {
	case t.cut:
	case t.room > 0:
		t.room--
		t.b = push(t.b, c)
	default:
		t.cut = true
		n := len(t.b)
		t.b = t.b[:min(n+len(ellipsis), cap(t.b))]
		copy(t.b[n:], ellipsis)
	}
}

// push does what append does, for a slice that has room: append has code that allocates.
func push(b []byte, c byte) []byte {
	b = b[:len(b)+1]
	b[len(b)-1] = c
	return b
}

func (t *Text) decimal(v uint64) {
	var digits [20]byte
	i := len(digits)
	for {
		i--
		digits[i] = '0' + byte(v%10)
		if v /= 10; v == 0 {
			break
		}
	}
	for _, c := range digits[i:] {
		t.byte(c)
	}
}

// bytes writes b as a string or as numbers.
func (t *Text) bytes(b []byte) {
	b = t.visible(b)
	if isText(b) {
		t.quoted(b, '"', false)
		return
	}
	for i, c := range b {
		if i > 0 {
			t.byte(',')
		}
		t.decimal(uint64(c))
	}
}

// visible returns the part of b that can be seen, and one byte more, if there is
// one, that cuts the text.
func (t *Text) visible(b []byte) []byte { return b[:min(len(b), max(0, t.room)+1)] }

func isText(b []byte) bool {
	for _, c := range b {
		if !prints(c) && c != '\n' && c != '\r' && c != '\t' {
			return false
		}
	}
	return true
}

func prints(c byte) bool { return c >= ' ' && c <= '~' }

// quoted writes characters, each at least a byte of b, between quotes.
func (t *Text) quoted(b []byte, quote byte, utf8 bool) {
	t.byte(quote)
	for len(b) > 0 && !t.cut {
		c, size := uint32(b[0]), 1
		if utf8 {
			c, size = character(b)
		}
		b = b[size:]
		switch {
		case c == uint32(quote) || c == '\\':
			t.byte('\\')
			t.byte(byte(c))
		case c == '\n':
			t.String(`\n`)
		case c == '\r':
			t.String(`\r`)
		case c == '\t':
			t.String(`\t`)
		case c < 0x80 && prints(byte(c)):
			t.byte(byte(c))
		default:
			t.escaped(c)
		}
	}
	t.byte(quote)
}

func (t *Text) escaped(c uint32) {
	t.String(`\x{`)
	for shift := max(0, bits.Len32(c)-1) &^ 3; shift >= 0; shift -= 4 {
		t.hex(byte(c>>shift) & 0xf)
	}
	t.byte('}')
}

// character returns the first character of b in UTF-8 and its size. Of what is
// not UTF-8 each byte counts as one.
func character(b []byte) (c uint32, size int) {
	size = bits.LeadingZeros8(^b[0])
	if size < 2 || size > 4 || size > len(b) {
		return uint32(b[0]), 1
	}
	c = uint32(b[0]) & (0x7f >> size)
	valid := true
	for _, next := range b[1:size] {
		valid = valid && next&0xc0 == 0x80
		c = c<<6 | uint32(next&0x3f)
	}
	least := [...]uint32{2: 0x80, 3: 0x800, 4: 0x10000}[size]
	surrogate := c>>11 == 0xd800>>11
	if !valid || c < least || surrogate || c > 0x10ffff {
		return uint32(b[0]), 1
	}
	return c, size
}

// hex writes a digit.
func (t *Text) hex(digit byte) { t.byte("0123456789ABCDEF"[digit]) }

const textDepth = 16

// A printer is the state of writing one term.
type printer struct {
	*Text
	d     *Decoder
	depth int
	open  [textDepth]bracket
}

// A bracket is a tuple or list whose end has not been reached.
type bracket struct {
	close byte
	some  bool // an element was written
	tail  bool // behind the elements comes the tail of a list
	left  int  // elements
}

// next writes the next element inside the innermost bracket, or closes it.
func (p *printer) next() {
	b := &p.open[p.depth-1]
	switch {
	case b.left > 0:
		b.left--
		if b.some {
			p.byte(',')
		}
		b.some = true
		p.term()
	case !b.tail:
		p.byte(b.close)
		p.depth--
	default:
		p.tail(b)
	}
}

// tail goes on with a list behind its elements. Its tail may be a list as well,
// as a program makes it that does not know how many elements will come.
func (p *printer) tail(b *bracket) {
	switch p.d.Kind() {
	case Nil:
		p.d.Nil()
		b.tail = false
	case List:
		b.left = p.d.List()
	default:
		p.byte('|')
		b.tail = false
		p.term()
	}
}

// term writes one term, of a tuple or list only the bracket.
func (p *printer) term() {
	kind := p.d.Kind()
	for kind == List && p.depth < textDepth {
		n := p.d.List()
		if n > 0 {
			p.bracket('[', bracket{close: ']', left: n, tail: true})
			return
		}
		kind = p.d.Kind() // a list without elements is what its tail is
	}
	switch kind {
	case Int, SmallBig, LargeBig:
		p.integer()
	case Atom:
		p.atom()
	case Nil:
		p.d.Nil()
		p.String("[]")
	case String:
		p.bytesList(p.d.String())
	case Binary:
		p.Binary(p.d.Binary())
	case Tuple, List:
		if p.depth == textDepth {
			p.String(ellipsis)
			p.d.Skip()
			return
		}
		p.bracket('{', bracket{close: '}', left: p.d.Tuple()})
	default:
		p.d.Fail()
	}
}

func (p *printer) bracket(open byte, b bracket) {
	p.byte(open)
	p.open[p.depth] = b
	p.depth++
}

func (p *printer) bytesList(b []byte) {
	if isText(p.visible(b)) {
		p.bytes(b)
		return
	}
	p.byte('[')
	p.bytes(b)
	p.byte(']')
}

func (p *printer) integer() {
	h := p.d.probe()
	i := p.d.integer()
	if i.end > 0 {
		p.d.off = i.end
		if i.negative && i.magnitude > 0 {
			p.byte('-')
		}
		p.decimal(i.magnitude)
		return
	}
	end := p.d.bigEnd(h)
	p.big(p.d.b[h.body:end])
	p.d.off = end
}

// big writes a sign byte and the little-endian magnitude behind it.
func (p *printer) big(b []byte) {
	if b[0] != 0 {
		p.byte('-')
	}
	p.String("16#")
	n := len(b) - 1
	for b[n] == 0 {
		n--
	}
	for ; n > 0 && !p.cut; n-- {
		p.hex(b[n] >> 4)
		p.hex(b[n] & 0xf)
	}
}

// atom writes an atom, with quotes if Erlang needs them.
func (p *printer) atom() {
	tag := p.d.Tag()
	b := p.d.payload(Atom)
	if !isPlainAtom(b) {
		p.quoted(b, '\'', tag == TagAtomUTF8 || tag == TagSmallAtomUTF8)
		return
	}
	for _, c := range b {
		p.byte(c)
	}
}

// isPlainAtom does not know the words that Erlang reserves.
func isPlainAtom(b []byte) bool {
	for i, c := range b {
		switch {
		case c >= 'a' && c <= 'z':
		case i > 0 && (c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '@'):
		default:
			return false
		}
	}
	return len(b) > 0
}
