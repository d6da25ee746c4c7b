// SPDX-License-Identifier: ISC

package etf

// A head is what the first bytes of a term say. The zero value stands for
// "no term that is acceptable here".
type head struct {
	tag  byte
	body int // offset of what follows the tag and the length field
	n    int // bytes from body on (of a big, without the sign byte), or elements of a tuple or list
}

func (h head) kind() Kind { return kindOf(h.tag) }

// probe looks at the next term. Every method that reads a term begins with it.
//
// The term is acceptable if its type is one of those of the Tag constants and
// body + n does not exceed the length of the message. For tuples and lists
// this asks for one byte per element, the least that an element can take, so
// that counts are bounded by the message. For bigs it does not count the sign
// byte: the last byte of a big may lie just behind the message, see bigEnd.
//
// The contents of a tuple or list, including the tail, are not looked at.
func (d *Decoder) probe() head {
	if d.failed || d.off == len(d.b) {
		return head{}
	}
	tag := d.b[d.off]
	body := d.off + 1
	switch tag {
	case TagNil:
		return head{tag, body, 0}
	case TagSmallInteger:
		return d.fit(tag, body, 1)
	case TagInteger:
		return d.fit(tag, body, 4)
	case TagSmallBig, TagSmallTuple, TagSmallAtom, TagSmallAtomUTF8:
		return d.measure(tag, body, 1)
	case TagString, TagAtom, TagAtomUTF8:
		return d.measure(tag, body, 2)
	case TagLargeBig, TagLargeTuple, TagList, TagBinary:
		return d.measure(tag, body, 4)
	}
	return head{}
}

// measure reads a length field of width bytes at offset off.
func (d *Decoder) measure(tag byte, off, width int) head {
	if len(d.b)-off < width {
		return head{}
	}
	var n uint32
	for _, c := range d.b[off : off+width] {
		n = n<<8 | uint32(c)
	}
	if int32(n) < 0 {
		return head{} // no int of 32 bits may go negative
	}
	return d.fit(tag, off+width, int(n))
}

// fit returns the head of a term with n bytes or elements at offset body, if they
// can be there.
func (d *Decoder) fit(tag byte, body, n int) head {
	if n > len(d.b)-body {
		return head{}
	}
	return head{tag, body, n}
}
