// SPDX-License-Identifier: ISC

package etf_test

import (
	"encoding/binary"
	"fmt"
	"math/big"
	"strings"
	"unicode/utf8"
)

// The tests have a second implementation of the format, written for clarity:
// a tree of terms that can be parsed, encoded and written as Erlang source. It
// recurses, allocates and uses big numbers, and shares no code with the package.

// A term is one encoded term. What its tag leaves undetermined is in the other
// fields.
type term struct {
	tag   byte
	value *big.Int // integers
	sign  byte     // sign byte of bigs
	width int      // number of magnitude bytes of bigs
	text  []byte   // atoms (as encoded), strings, binaries
	elems []term   // tuples and lists
	tail  *term    // lists
}

const (
	smallInteger  = 97
	integer       = 98
	atom          = 100
	smallTuple    = 104
	largeTuple    = 105
	nilTag        = 106
	stringTag     = 107
	list          = 108
	binaryTag     = 109
	smallBig      = 110
	largeBig      = 111
	smallAtom     = 115
	atomUTF8      = 118
	smallAtomUTF8 = 119
)

// lengthWidth is the number of bytes of the length field that follows a tag.
var lengthWidth = map[byte]int{
	smallInteger: 0, integer: 0, nilTag: 0,
	smallBig: 1, smallTuple: 1, smallAtom: 1, smallAtomUTF8: 1,
	atom: 2, atomUTF8: 2, stringTag: 2,
	largeBig: 4, largeTuple: 4, list: 4, binaryTag: 4,
}

// announced parses tag and length field, and reports whether what they announce
// may be in msg.
func announced(msg []byte) (tag byte, body, n int, ok bool) {
	if len(msg) == 0 {
		return
	}
	width, known := lengthWidth[msg[0]]
	if !known || len(msg) < 1+width {
		return
	}
	field := make([]byte, 8)
	copy(field[8-width:], msg[1:1+width])
	length := binary.BigEndian.Uint64(field)
	need := map[byte]uint64{smallInteger: 1, integer: 4}[msg[0]] + length
	if length > 1<<31-1 || uint64(1+width)+need > uint64(len(msg)) {
		return
	}
	return msg[0], 1 + width, int(length), true
}

// parse reads the first term of msg and returns how many of the bytes of msg it
// takes.
func parse(msg []byte) (t term, size int, ok bool) {
	tag, body, n, ok := announced(msg)
	if !ok {
		return term{}, 0, false
	}
	t.tag = tag
	size = body
	switch tag {
	case smallInteger:
		t.value = new(big.Int).SetBytes(msg[1:2])
		size++
	case integer:
		t.value = big.NewInt(int64(int32(binary.BigEndian.Uint32(msg[1:]))))
		size += 4
	case smallBig, largeBig:
		// One byte may be missing, see the rule about the sign byte.
		padded := append(append([]byte{}, msg[body:]...), 0)
		t.sign, t.width = padded[0], n
		t.value = new(big.Int)
		for i := n; i > 0; i-- {
			t.value.Lsh(t.value, 8).Add(t.value, big.NewInt(int64(padded[i])))
		}
		if t.sign != 0 {
			t.value.Neg(t.value)
		}
		size = min(body+1+n, len(msg))
	case smallTuple, largeTuple:
		t.elems, size, ok = parseAll(msg, body, n)
	case list:
		if t.elems, size, ok = parseAll(msg, body, n); ok {
			tail, tailSize, tailOK := parse(msg[size:])
			t.tail, ok = &tail, tailOK
			size += tailSize
		}
	default:
		t.text = msg[body : body+n]
		size += n
	}
	return t, size, ok
}

func parseAll(msg []byte, at, n int) (elems []term, size int, ok bool) {
	for range n {
		e, taken, ok := parse(msg[at:])
		if !ok {
			return nil, 0, false
		}
		elems = append(elems, e)
		at += taken
	}
	return elems, at, true
}

// encode appends the encoding of t to b.
func (t term) encode(b []byte) []byte {
	b = append(b, t.tag)
	switch t.tag {
	case smallInteger:
		return append(b, byte(t.value.Int64()))
	case integer:
		return binary.BigEndian.AppendUint32(b, uint32(int32(t.value.Int64())))
	case smallBig, largeBig:
		b = appendLength(b, t.tag, t.width)
		b = append(b, t.sign)
		magnitude := new(big.Int).Abs(t.value).FillBytes(make([]byte, t.width))
		for i := range magnitude {
			b = append(b, magnitude[len(magnitude)-1-i])
		}
		return b
	case smallTuple, largeTuple, list:
		b = appendLength(b, t.tag, len(t.elems))
		for _, e := range t.elems {
			b = e.encode(b)
		}
		if t.tail != nil {
			b = t.tail.encode(b)
		}
		return b
	case nilTag:
		return b
	}
	return append(appendLength(b, t.tag, len(t.text)), t.text...)
}

func appendLength(b []byte, tag byte, n int) []byte {
	return append(b, binary.BigEndian.AppendUint64(nil, uint64(n))[8-lengthWidth[tag]:]...)
}

// String writes t as Erlang source.
func (t term) String() string {
	switch t.tag {
	case smallInteger, integer, smallBig, largeBig:
		return t.value.String()
	case atom, smallAtom:
		return quoteAtom(latin1ToRunes(t.text))
	case atomUTF8, smallAtomUTF8:
		return quoteAtom([]rune(string(t.text)))
	case smallTuple, largeTuple:
		return "{" + join(t.elems) + "}"
	case list:
		if len(t.elems) == 0 {
			return t.tail.String()
		}
		return "[" + join(t.elems) + "|" + t.tail.String() + "]"
	case nilTag:
		return "[]"
	case stringTag:
		return "[" + joinBytes(t.text) + "]"
	case binaryTag:
		return "<<" + joinBytes(t.text) + ">>"
	}
	panic(fmt.Sprintf("term with tag %d", t.tag))
}

func join(terms []term) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.String()
	}
	return strings.Join(texts, ",")
}

func joinBytes(b []byte) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(b), "[]"), " ", ",")
}

func quoteAtom(text []rune) string {
	var s strings.Builder
	for _, r := range text {
		fmt.Fprintf(&s, `\x{%x}`, r)
	}
	return "'" + s.String() + "'"
}

func latin1ToRunes(b []byte) []rune {
	r := make([]rune, len(b))
	for i, c := range b {
		r[i] = rune(c)
	}
	return r
}

// integerBetween returns the value of t if it is an integer that a reader for
// min..max accepts. A reader that has no negative numbers does not accept a
// minus zero either.
func (t term) integerBetween(min, max *big.Int) (*big.Int, bool) {
	if t.value == nil || t.value.Cmp(min) < 0 || t.value.Cmp(max) > 0 {
		return nil, false
	}
	return t.value, t.sign == 0 || min.Sign() < 0
}

// atomText returns the text of t in Latin-1 up to the first NUL, if t is an
// atom that can be read.
func (t term) atomText() (string, bool) {
	runes := latin1ToRunes(t.text)
	switch t.tag {
	case atomUTF8, smallAtomUTF8:
		if !utf8.Valid(t.text) {
			return "", false
		}
		runes = []rune(string(t.text))
	case atom, smallAtom:
	default:
		return "", false
	}
	var text []byte
	for _, r := range runes {
		if r > 0xFF {
			return "", false
		}
		text = append(text, byte(r))
	}
	before, _, _ := strings.Cut(string(text), "\x00")
	return before, len(text) <= 255
}

// iolist appends to soFar the bytes that t stands for at the given level of
// nesting, with a capacity of max. If t is refused it says why.
func (t term) iolist(soFar []byte, max, level int) (b []byte, refused string) {
	if level > 16 {
		return nil, "too deep"
	}
	switch t.tag {
	case binaryTag:
		if len(soFar)+len(t.text) > max {
			return nil, "too long"
		}
		return append(soFar, t.text...), ""
	case stringTag:
		if len(soFar)+len(t.text)+1 > max {
			return nil, "too long"
		}
		return append(soFar, t.text...), ""
	case nilTag:
		return soFar, ""
	case smallInteger:
		if level == 0 {
			return nil, "wrong type"
		}
		return append(soFar, byte(t.value.Int64())), ""
	case list:
		return t.iolistElements(soFar, max, level+1)
	}
	return nil, "wrong type"
}

func (t term) iolistElements(b []byte, max, level int) (_ []byte, refused string) {
	for _, e := range t.elems {
		if len(b) >= max {
			return nil, "too long"
		}
		if b, refused = e.iolist(b, max, level); refused != "" {
			return nil, refused
		}
	}
	end := t.tail
	if end.tag == list && len(end.elems) == 0 && len(t.elems) > 0 {
		end = end.tail
	}
	if end.tag != nilTag {
		return nil, "wrong tail"
	}
	return b, ""
}
