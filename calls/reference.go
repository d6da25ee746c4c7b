package calls

import "github.com/alcove-go/alcove/etf"

// A reference is an argument that can be a number or refer to memory, which the
// kernel may write to.
type reference struct {
	value uintptr // for the kernel
	kind  refKind
	size  int     // of a buffer
	s     cstruct // of a structure; of a buffer only buf
}

type refKind uint8

const (
	refNumber refKind = iota
	refBuffer
	refStruct
)

// memory reads an argument that refers to memory: a binary with the first bytes
// of a buffer, or a structure.
func (c *Calls) memory(r *reference) {
	if c.args.Kind() == etf.Binary {
		b := c.args.Binary()
		r.kind, r.size = refBuffer, len(b)
		r.s.buf = c.mem.zeroed(maxData)
		copy(r.s.buf, b)
	} else {
		r.kind, r.s = refStruct, c.cstruct(maxData)
	}
	r.value = address(r.s.buf)
}

// number reads an argument that is a number of 32 bits, not negative.
func (c *Calls) number(r *reference) {
	v := c.args.Int32Term()
	if v < 0 {
		c.refuse(0)
	}
	r.kind, r.value = refNumber, uintptr(v)
}

// after replies the memory of a reference as it is after the call, and for a
// number an empty binary.
func (c *Calls) after(r *reference) {
	switch r.kind {
	case refNumber:
		c.reply.Binary(nil)
	case refBuffer:
		c.reply.Binary(r.s.buf[:r.size])
	case refStruct:
		c.contents(&r.s)
	}
}
