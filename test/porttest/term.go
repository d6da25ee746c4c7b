// SPDX-License-Identifier: ISC

package porttest

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Term is an Erlang term: int, uint64 (above the range of int), *big.Int (above 64 bits), Atom,
// Binary, String, List, Chained, Tuple, Improper, and, only to be sent, LargeTuple, Float, Map and
// Raw.
type Term any

type (
	// Atom is encoded as SMALL_ATOM_UTF8.
	Atom string
	// Binary is a BINARY.
	Binary string
	// String is a STRING: a list of the integers 1 to 65535 in number that term_to_binary found to
	// be all bytes.
	String string
	// List has one LIST header for all elements; an empty list is NIL.
	List []Term
	// Chained is a list with a LIST header before each element, as the port builds lists of unknown
	// length.
	Chained []Term
	// Tuple is a SMALL_TUPLE.
	Tuple []Term
	// LargeTuple is a LARGE_TUPLE of any arity.
	LargeTuple []Term
	// Float is a NEW_FLOAT.
	Float float64
	// Map is a MAP of keys and values.
	Map [][2]Term
	// Raw is the encoding of some term, used as it is.
	Raw []byte
)

// Improper is a list that ends in Tail instead of NIL.
type Improper struct {
	Elements []Term
	Tail     Term
}

// WithTail returns the improper list of the elements and a tail.
func WithTail(tail Term, elements ...Term) Improper { return Improper{elements, tail} }

// Tags of the external term format.
const (
	tagNewFloat     = 70
	tagSmallInteger = 97
	tagInteger      = 98
	tagAtom         = 100
	tagSmallTuple   = 104
	tagLargeTuple   = 105
	tagNil          = 106
	tagString       = 107
	tagList         = 108
	tagBinary       = 109
	tagSmallBig     = 110
	tagLargeBig     = 111
	tagSmallAtom    = 115
	tagMap          = 116
	tagAtomUTF8     = 118
	tagSmallAtomU8  = 119
	version         = 131
)

// AtomExt, SmallAtom and AtomUTF8 are the three ways of writing an atom besides the usual one.
func AtomExt(s string) Raw   { return lengthTagged(tagAtom, 2, s) }
func SmallAtom(s string) Raw { return lengthTagged(tagSmallAtom, 1, s) }
func AtomUTF8(s string) Raw  { return lengthTagged(tagAtomUTF8, 2, s) }

func lengthTagged(tag byte, width int, s string) Raw {
	if width == 1 {
		return append(Raw{tag, byte(len(s))}, s...)
	}
	return append(Raw{tag, byte(len(s) >> 8), byte(len(s))}, s...)
}

// Integer returns v written as INTEGER even where SMALL_INTEGER would do.
func Integer(v int32) Raw { return binary.BigEndian.AppendUint32(Raw{tagInteger}, uint32(v)) }

// SmallBig and LargeBig are a big of the given sign byte and little-endian magnitude.
func SmallBig(sign byte, magnitude ...byte) Raw {
	return append(Raw{tagSmallBig, byte(len(magnitude)), sign}, magnitude...)
}
func LargeBig(sign byte, magnitude ...byte) Raw {
	b := binary.BigEndian.AppendUint32(Raw{tagLargeBig}, uint32(len(magnitude)))
	return append(append(b, sign), magnitude...)
}

// Nested wraps t in depth lists of one element.
func Nested(depth int, t Term) Term {
	for range depth {
		t = List{t}
	}
	return t
}

// Encode returns the external term format of t, with the version byte, as the port writes it.
func Encode(t Term) []byte { return libei.append([]byte{version}, t) }

// EncodeCall returns the external term format as term_to_binary writes it: INTEGER for all that
// fits in 32 bits.
func EncodeCall(args ...Term) []byte { return erlang.append([]byte{version}, Tuple(args)) }

// encoder is one of two ways of writing integers: the least number that needs a big.
type encoder int64

const (
	libei  encoder = 1 << 27
	erlang encoder = 1 << 31
)

func (e encoder) append(b []byte, t Term) []byte {
	be := binary.BigEndian
	switch t := t.(type) {
	case bool:
		return e.append(b, Atom(strconv.FormatBool(t)))
	case int:
		return e.appendInt(b, big.NewInt(int64(t)))
	case uint64:
		return e.appendInt(b, new(big.Int).SetUint64(t))
	case *big.Int:
		return e.appendInt(b, t)
	case Atom:
		return append(append(b, tagSmallAtomU8, byte(len(t))), t...)
	case Binary:
		return append(be.AppendUint32(append(b, tagBinary), uint32(len(t))), t...)
	case String:
		return append(be.AppendUint16(append(b, tagString), uint16(len(t))), t...)
	case Float:
		return be.AppendUint64(append(b, tagNewFloat), math.Float64bits(float64(t)))
	case Raw:
		return append(b, t...)
	}
	return e.appendCompound(b, t)
}

// appendCompound appends a term that contains others.
func (e encoder) appendCompound(b []byte, t Term) []byte {
	be := binary.BigEndian
	switch t := t.(type) {
	case List:
		if len(t) == 0 {
			return append(b, tagNil)
		}
		return e.append(b, Improper{t, List{}})
	case Improper:
		b = be.AppendUint32(append(b, tagList), uint32(len(t.Elements)))
		return e.append(e.appendAll(b, t.Elements), t.Tail)
	case Chained:
		for _, element := range t {
			b = e.append(append(b, tagList, 0, 0, 0, 1), element)
		}
		return append(b, tagNil)
	case Tuple:
		return e.appendAll(append(b, tagSmallTuple, byte(len(t))), t)
	case LargeTuple:
		return e.appendAll(be.AppendUint32(append(b, tagLargeTuple), uint32(len(t))), t)
	case Map:
		b = be.AppendUint32(append(b, tagMap), uint32(len(t)))
		for _, kv := range t {
			b = e.append(e.append(b, kv[0]), kv[1])
		}
		return b
	}
	panic(fmt.Sprintf("porttest: %T is not a term", t))
}

func (e encoder) appendAll(b []byte, ts []Term) []byte {
	for _, t := range ts {
		b = e.append(b, t)
	}
	return b
}

func (e encoder) appendInt(b []byte, v *big.Int) []byte {
	if v.IsInt64() {
		switch n := v.Int64(); {
		case 0 <= n && n <= 255:
			return append(b, tagSmallInteger, byte(n))
		case -int64(e) <= n && n < int64(e):
			return binary.BigEndian.AppendUint32(append(b, tagInteger), uint32(n))
		}
	}
	m := v.Bytes()
	for i, j := 0, len(m)-1; i < j; i, j = i+1, j-1 {
		m[i], m[j] = m[j], m[i]
	}
	sign := byte(0)
	if v.Sign() < 0 {
		sign = 1
	}
	return append(append(b, tagSmallBig, byte(len(m)), sign), m...)
}

// Decode reads one term with its version byte and nothing after it.
func Decode(b []byte) (Term, error) {
	if len(b) == 0 || b[0] != version {
		return nil, fmt.Errorf("no version byte: % x", b)
	}
	d := decoder{rest: b[1:]}
	t := d.term()
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%d bytes after the term: % x", len(d.rest), d.rest)
	}
	return t, d.err
}

type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) take(n int) []byte {
	if d.err == nil && (n < 0 || n > len(d.rest)) {
		d.err = fmt.Errorf("term is cut: %d bytes wanted, %d left", n, len(d.rest))
	}
	if d.err != nil {
		return make([]byte, min(max(n, 0), 8))
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint(width int) int {
	v := 0
	for _, c := range d.take(width) {
		v = v<<8 | int(c)
	}
	return v
}

func (d *decoder) term() Term {
	switch tag := d.take(1)[0]; tag {
	case tagSmallInteger:
		return d.uint(1)
	case tagInteger:
		return int(int32(d.uint(4)))
	case tagSmallBig:
		return d.big(d.uint(1))
	case tagLargeBig:
		return d.big(d.uint(4))
	case tagSmallAtomU8, tagSmallAtom:
		return Atom(d.take(d.uint(1)))
	case tagAtom, tagAtomUTF8:
		return Atom(d.take(d.uint(2)))
	case tagBinary:
		return Binary(d.take(d.uint(4)))
	case tagString:
		return String(d.take(d.uint(2)))
	case tagNil:
		return List{}
	case tagList:
		return d.list()
	case tagSmallTuple:
		return Tuple(d.terms(d.uint(1)))
	case tagLargeTuple:
		return LargeTuple(d.terms(d.uint(4)))
	case tagNewFloat:
		return Float(math.Float64frombits(binary.BigEndian.Uint64(d.take(8))))
	default:
		if d.err == nil {
			d.err = fmt.Errorf("unexpected tag %d", tag)
		}
		return nil
	}
}

func (d *decoder) terms(n int) []Term {
	ts := []Term{}
	for ; n > 0 && d.err == nil; n-- {
		ts = append(ts, d.term())
	}
	return ts
}

func (d *decoder) big(n int) Term {
	sign := d.take(1)[0]
	m := append([]byte(nil), d.take(n)...)
	for i, j := 0, len(m)-1; i < j; i, j = i+1, j-1 {
		m[i], m[j] = m[j], m[i]
	}
	v := new(big.Int).SetBytes(m)
	if sign != 0 {
		v.Neg(v)
	}
	switch {
	case v.IsInt64():
		return int(v.Int64())
	case v.IsUint64():
		return v.Uint64()
	}
	return v
}

// list reads what follows a LIST tag. The elements of a chain are read in a loop: chains are as
// long as frames allow.
func (d *decoder) list() Term {
	n := d.uint(4)
	elements := d.terms(n)
	chain := n == 1
	for chain && len(d.rest) > 5 && string(d.rest[:5]) == "\x6c\x00\x00\x00\x01" {
		d.take(5)
		elements = append(elements, d.term())
	}
	switch tail := d.term().(type) {
	case List:
		if len(tail) > 0 {
			return Improper{elements, tail}
		}
		if chain && len(elements) > 1 {
			return Chained(elements)
		}
		return List(elements)
	default:
		return Improper{elements, tail}
	}
}

// MustDecode does what Decode does, for terms that were made by Encode.
func MustDecode(b []byte) Term {
	t, err := Decode(b)
	if err != nil {
		panic(err)
	}
	return t
}

// Format writes t in Erlang's syntax. Long binaries are cut.
func Format(t Term) string {
	switch t := t.(type) {
	case nil:
		return "?"
	case Atom:
		return formatAtom(string(t))
	case Binary:
		return formatBytes(string(t))
	case String:
		return strconv.Quote(string(t))
	case List:
		return "[" + formatAll(t) + "]"
	case Chained:
		return "[" + formatAll(t) + "]"
	case Improper:
		return "[" + formatAll(t.Elements) + "|" + Format(t.Tail) + "]"
	case Tuple:
		return "{" + formatAll(t) + "}"
	case LargeTuple:
		return "{" + formatAll(t) + "}"
	case Raw:
		return fmt.Sprintf("<term % x>", cut(string(t), 40))
	case Map:
		return fmt.Sprintf("#{%d pairs}", len(t))
	}
	return fmt.Sprint(t)
}

func formatAtom(s string) string {
	for i, c := range s {
		if !(c >= 'a' && c <= 'z' || i > 0 && (c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z')) {
			return fmt.Sprintf("'%s'", cut(s, 80))
		}
	}
	if s == "" {
		return "''"
	}
	return cut(s, 80)
}

func formatBytes(s string) string {
	const most = 160
	text := true
	for _, c := range []byte(s) {
		text = text && (c >= ' ' && c < 127 || c == '\n' || c == '\t')
	}
	size := ""
	if len(s) > most {
		size = fmt.Sprintf(" (%d bytes)", len(s))
	}
	if text {
		return "<<" + strconv.Quote(cut(s, most)) + ">>" + size
	}
	return fmt.Sprintf("<<16#% x>>%s", cut(s, most), size)
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

func formatAll(ts []Term) string {
	var out []string
	for i, t := range ts {
		if i == 40 && len(ts) > 50 {
			out = append(out, fmt.Sprintf("... %d elements", len(ts)))
			break
		}
		out = append(out, Format(t))
	}
	return strings.Join(out, ",")
}
