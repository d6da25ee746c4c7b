// SPDX-License-Identifier: ISC

package etf

// Int reads an integer from -2^31 to 2^31-1. Like Uint, Int64 and Uint64 it
// accepts all four encodings of integers, whichever would be the shortest for
// the value. The magnitude of a big may have any number of leading zeros, and
// no bytes at all for 0.
func (d *Decoder) Int() int32 {
	return int32(d.signed(-1<<31, 1<<31-1))
}

// Uint reads an integer from 0 to 2^32-1.
func (d *Decoder) Uint() uint32 {
	return uint32(d.unsigned(1<<32 - 1))
}

// Int64 reads an integer from -2^63 to 2^63-1.
func (d *Decoder) Int64() int64 {
	return d.signed(-1<<63, 1<<63-1)
}

// Uint64 reads an integer from 0 to 2^64-1.
func (d *Decoder) Uint64() uint64 {
	return d.unsigned(1<<64 - 1)
}

// Int32Term reads an integer from -2^31 to 2^31-1 in one of the two small
// encodings. It refuses bigs, even those of a value within the range.
func (d *Decoder) Int32Term() int32 {
	if d.Kind() != Int {
		d.Fail()
		return 0
	}
	return d.Int()
}

func (d *Decoder) signed(min, max int64) int64 {
	i := d.integer()
	var v int64
	switch {
	case !i.negative && i.magnitude < 1<<63:
		v = int64(i.magnitude)
	case i.negative && i.magnitude <= 1<<63:
		v = -int64(i.magnitude) // of -2^63 the conversion is its own negation
	default:
		d.Fail()
		return 0
	}
	if i.end == 0 || v < min || v > max {
		d.Fail()
		return 0
	}
	d.off = i.end
	return v
}

// unsigned refuses a minus zero, which only a big can be; signed accepts it.
func (d *Decoder) unsigned(max uint64) uint64 {
	i := d.integer()
	if i.end == 0 || i.negative || i.magnitude > max {
		d.Fail()
		return 0
	}
	d.off = i.end
	return i.magnitude
}

// An integer is the value of a term. The zero value, which ends nowhere, stands
// for "not an integer of at most 64 bits".
type integer struct {
	magnitude uint64
	negative  bool
	end       int // offset behind the term
}

func (d *Decoder) integer() integer {
	h := d.probe()
	switch h.tag {
	case TagSmallInteger:
		return integer{uint64(d.b[h.body]), false, h.body + 1}
	case TagInteger:
		b := d.b[h.body : h.body+4]
		v := int64(int32(uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])))
		if v < 0 {
			return integer{uint64(-v), true, h.body + 4}
		}
		return integer{uint64(v), false, h.body + 4}
	case TagSmallBig, TagLargeBig:
		return d.big(h)
	}
	return integer{}
}

// big reads the sign byte and the magnitude that h announces. Any sign byte but
// 0 means negative.
func (d *Decoder) big(h head) integer {
	end := d.bigEnd(h)
	i := integer{end: end}
	b := d.b[h.body:end]
	if len(b) == 0 {
		return i
	}
	i.negative = b[0] != 0
	for k, c := range b[1:] {
		switch {
		case k < 8:
			i.magnitude |= uint64(c) << (8 * k)
		case c != 0:
			return integer{}
		}
	}
	return i
}

// bigEnd returns the offset behind a big. Since the probe does not count the
// sign byte, the last byte of the big may be missing; it is then 0, and the big
// ends where the message does.
func (d *Decoder) bigEnd(h head) int {
	return min(h.body+1+h.n, len(d.b))
}
