// SPDX-License-Identifier: ISC

package etf

import "math/bits"

// Erlang's own encoder uses INTEGER_EXT only for what fits in 28 bits, the
// integers that were immediate on machines of 32 bits, and so does this one:
// peers may compare bytes.
const (
	minInteger = -1 << 27
	maxInteger = 1<<27 - 1
)

// Int appends an integer: 0 to 255 in SMALL_INTEGER_EXT, other integers of 28
// bits in INTEGER_EXT, and the rest in SMALL_BIG_EXT with as few bytes as the
// magnitude needs.
func (e *Encoder) Int(v int64) {
	switch {
	case v >= 0:
		e.Uint(uint64(v))
	case v >= minInteger:
		e.integer(int(v))
	default:
		e.big(1, uint64(-v)) // of -2^63 too: the conversion is its own negation
	}
}

// Uint does what Int does.
func (e *Encoder) Uint(v uint64) {
	switch {
	case v <= 0xFF:
		e.smallInteger(byte(v))
	case v <= maxInteger:
		e.integer(int(v))
	default:
		e.big(0, v)
	}
}

func (e *Encoder) smallInteger(v byte) {
	if b := e.next(2); b != nil {
		b[0], b[1] = TagSmallInteger, v
	}
}

func (e *Encoder) integer(v int) {
	if b := e.next(5); b != nil {
		put32(b, TagInteger, v)
	}
}

func (e *Encoder) big(sign byte, magnitude uint64) {
	n := (bits.Len64(magnitude) + 7) / 8
	b := e.small(TagSmallBig, n, 1+n)
	if b == nil {
		return
	}
	b[0] = sign
	for i := range b[1:] {
		b[1+i] = byte(magnitude >> (8 * i))
	}
}
