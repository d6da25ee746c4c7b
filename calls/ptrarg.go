// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/etf"

// A ptrArg is an argument that can be a number or a pointer to memory, which the
// kernel may write to.
type ptrArg struct {
	value uintptr // for the kernel
	kind  ptrKind
	size  int     // of a buffer
	s     cstruct // of a structure; of a buffer only buf
}

type ptrKind uint8

const (
	ptrNumber ptrKind = iota
	ptrBuffer
	ptrStruct
)

// memory reads an argument that points to memory: a binary with the first bytes
// of a buffer, or a structure.
func (c *Calls) memory(r *ptrArg) {
	if c.args.Kind() == etf.Binary {
		b := c.args.Binary()
		r.kind, r.size = ptrBuffer, len(b)
		r.s.buf = c.mem.zeroed(maxData)
		copy(r.s.buf, b)
	} else {
		r.kind, r.s = ptrStruct, c.cstruct(maxData)
	}
	r.value = address(r.s.buf)
}

// number reads an argument that is a number of 32 bits, not negative.
func (c *Calls) number(r *ptrArg) {
	v := c.args.Int32Term()
	if v < 0 {
		c.refuse(invalid)
	}
	r.kind, r.value = ptrNumber, uintptr(v)
}

// after replies the memory that an argument points to as it is after the call, and
// for a number an empty binary.
func (c *Calls) after(r *ptrArg) {
	switch r.kind {
	case ptrNumber:
		c.reply.Binary(nil)
	case ptrBuffer:
		c.reply.Binary(r.s.buf[:r.size])
	case ptrStruct:
		c.contents(&r.s)
	}
}
