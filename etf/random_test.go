// SPDX-License-Identifier: ISC

package etf_test

import (
	"math/big"
	"math/rand/v2"
)

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomTerm returns a term in one of its encodings, with at most depth levels
// of tuples and lists.
func randomTerm(r *rand.Rand, depth int) term {
	kinds := 5
	if depth == 0 {
		kinds = 3
	}
	switch r.IntN(kinds) {
	case 0:
		return randomInteger(r)
	case 1:
		return randomAtom(r)
	case 2:
		return pick(r, term{tag: nilTag}, randomBytes(r, stringTag), randomBytes(r, binaryTag))
	case 3:
		return term{tag: pick[byte](r, smallTuple, largeTuple), elems: randomTerms(r, depth-1)}
	}
	tail := term{tag: nilTag}
	if r.IntN(8) == 0 {
		tail = randomTerm(r, depth-1)
	}
	return term{tag: list, elems: randomTerms(r, depth-1), tail: &tail}
}

func randomTerms(r *rand.Rand, depth int) []term {
	terms := make([]term, r.IntN(5))
	for i := range terms {
		terms[i] = randomTerm(r, depth)
	}
	return terms
}

func randomBytes(r *rand.Rand, tag byte) term {
	b := make([]byte, r.IntN(1+r.IntN(20)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return term{tag: tag, text: b}
}

// randomInteger returns an integer of -2^64 < v < 2^64, often near a power of
// two, in one of the encodings that can hold it.
func randomInteger(r *rand.Rand) term {
	v := new(big.Int).Lsh(big.NewInt(1), uint(r.IntN(65)))
	v.Add(v, big.NewInt(int64(r.IntN(5)-2)))
	if r.IntN(2) == 0 {
		v.SetUint64(r.Uint64() >> r.IntN(64))
	}
	if v.BitLen() > 64 {
		v.SetUint64(1<<64 - 1)
	}
	if r.IntN(2) == 0 && v.BitLen() < 64 {
		v.Neg(v)
	}
	t := term{tag: pick[byte](r, smallInteger, integer, smallBig, largeBig), value: v}
	switch {
	case t.tag == smallInteger && v.IsInt64() && v.Int64() >= 0 && v.Int64() < 256:
		return t
	case t.tag == integer && v.IsInt64() && v.Int64() == int64(int32(v.Int64())):
		return t
	case t.tag != largeBig:
		t.tag = smallBig
	}
	t.width = (v.BitLen() + 7) / 8
	if r.IntN(4) == 0 {
		t.width += r.IntN(200)
	}
	if v.Sign() < 0 {
		t.sign = 1
	}
	return t
}

// randomAtom returns an atom of at most 255 characters, some beyond Latin-1.
func randomAtom(r *rand.Rand) term {
	length := r.IntN(pick(r, 2, 10, 100, 256))
	limit := pick(r, 0x7F, 0xFF, 0xFF, 0x200)
	var text []rune
	for range length {
		text = append(text, rune(r.IntN(limit+1)))
	}
	t := term{tag: atomUTF8, text: []byte(string(text))}
	if len(t.text) < 256 && r.IntN(2) == 0 {
		t.tag = smallAtomUTF8
	}
	if limit > 0xFF || r.IntN(2) == 0 {
		return t
	}
	t = term{tag: pick[byte](r, atom, smallAtom)}
	for _, c := range text {
		t.text = append(t.text, byte(c))
	}
	return t
}

// randomIOList returns an iolist or something close to one, sometimes at the
// borders of depth and length.
func randomIOList(r *rand.Rand) term {
	t := randomElements(r, 3)
	for range pick(r, 0, 0, 0, 12+r.IntN(6)) {
		t = term{tag: list, elems: []term{t}, tail: &term{tag: nilTag}}
	}
	return t
}

func randomElements(r *rand.Rand, depth int) term {
	tail := term{tag: nilTag}
	if r.IntN(20) == 0 {
		tail = pick(r, randomBytes(r, binaryTag), randomBytes(r, stringTag),
			term{tag: list, elems: []term{byteTerm(5)}, tail: &term{tag: nilTag}})
	}
	elems := make([]term, r.IntN(5))
	for i := range elems {
		elems[i] = randomElement(r, depth)
	}
	return term{tag: list, elems: elems, tail: &tail}
}

func randomElement(r *rand.Rand, depth int) term {
	switch n := r.IntN(60); {
	case n == 0:
		return randomTerm(r, 1)
	case n < 3:
		return term{tag: pick[byte](r, stringTag, binaryTag), text: make([]byte, 260+r.IntN(50))}
	case n < 20 && depth > 0:
		return randomElements(r, depth-1)
	case n < 30:
		return byteTerm(byte(r.Uint32()))
	case n < 35:
		return term{tag: nilTag}
	}
	return randomBytes(r, pick[byte](r, stringTag, binaryTag))
}

func byteTerm(c byte) term {
	return term{tag: smallInteger, value: big.NewInt(int64(c))}
}
