// SPDX-License-Identifier: ISC

package etf

// Version is the byte that every term sent by itself begins with.
const Version = 131

// Tags: the byte that the encoding of a term begins with, and what follows it.
// Length fields are big-endian.
const (
	TagSmallInteger  = 97  // one byte, unsigned
	TagInteger       = 98  // four bytes, big-endian, signed
	TagAtom          = 100 // 16-bit length, Latin-1 text
	TagSmallTuple    = 104 // 8-bit arity, elements
	TagLargeTuple    = 105 // 32-bit arity, elements
	TagNil           = 106 // nothing
	TagString        = 107 // 16-bit length, bytes: a list of integers 0 to 255
	TagList          = 108 // 32-bit count, elements, tail
	TagBinary        = 109 // 32-bit length, bytes
	TagSmallBig      = 110 // 8-bit length, sign byte, little-endian magnitude
	TagLargeBig      = 111 // 32-bit length, sign byte, little-endian magnitude
	TagSmallAtom     = 115 // 8-bit length, Latin-1 text
	TagAtomUTF8      = 118 // 16-bit length, UTF-8 text
	TagSmallAtomUTF8 = 119 // 8-bit length, UTF-8 text
)

// Kind is the type of a term, for callers that accept several.
type Kind uint8

const (
	Invalid  Kind = iota // no term, a term cut short, or one of a type not known here
	Int                  // an integer in one of the two small encodings
	SmallBig             // an integer of any size in SMALL_BIG_EXT
	LargeBig             // an integer of any size in LARGE_BIG_EXT
	Atom                 // an atom, in any of the four encodings
	Tuple                // a tuple, small or large
	Nil                  // the empty list
	String               // a list of bytes in the compact encoding
	List                 // any other list; its count may be 0
	Binary               // a binary
)

func kindOf(tag byte) Kind {
	switch tag {
	case TagSmallInteger, TagInteger:
		return Int
	case TagSmallBig:
		return SmallBig
	case TagLargeBig:
		return LargeBig
	case TagAtom, TagSmallAtom, TagAtomUTF8, TagSmallAtomUTF8:
		return Atom
	case TagSmallTuple, TagLargeTuple:
		return Tuple
	case TagNil:
		return Nil
	case TagString:
		return String
	case TagList:
		return List
	case TagBinary:
		return Binary
	}
	return Invalid
}
