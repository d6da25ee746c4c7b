// SPDX-License-Identifier: ISC

package etf

// maxAtom is the largest number of characters of an atom.
const maxAtom = 255

// Atom reads an atom in any of its four encodings and returns its text in
// Latin-1, built in dst[:0]. An atom with an embedded NUL is cut there, since
// names are C strings to those who compare them.
//
// Refused are atoms of more than 255 characters (before the cut), UTF-8 with
// a character above U+00FF, invalid UTF-8, and text that does not fit in dst:
// dst should have a capacity of 255.
func (d *Decoder) Atom(dst []byte) []byte {
	h := d.probe()
	if h.kind() != Atom {
		d.Fail()
		return nil
	}
	end := h.body + h.n
	dst = dst[:0:min(cap(dst), maxAtom)]
	utf8 := h.tag == TagAtomUTF8 || h.tag == TagSmallAtomUTF8
	dst, ok := appendLatin1(dst, d.b[h.body:end], utf8)
	if !ok {
		d.Fail()
		return nil
	}
	d.off = end
	return cutNUL(dst)
}

// appendLatin1 appends text to dst. It reports false if there is no room, or
// if text is UTF-8 that Latin-1 has no characters for.
func appendLatin1(dst, text []byte, utf8 bool) ([]byte, bool) {
	for i := 0; i < len(text); i++ {
		if len(dst) == cap(dst) {
			return dst, false
		}
		c := text[i]
		if utf8 && c >= 0x80 {
			// U+0080 to U+00FF are C2 or C3 and one continuation byte.
			if c&^1 != 0xC2 || i+1 == len(text) || text[i+1]&0xC0 != 0x80 {
				return dst, false
			}
			i++
			c = c<<6 | text[i]&0x3F
		}
		dst = push(dst, c)
	}
	return dst, true
}

func cutNUL(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}
