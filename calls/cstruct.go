// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/etf"

const (
	maxElements = 1023
	pointerSize = wordSize
)

// A cstruct is a C structure that a call was given as a list: binaries, whose
// bytes follow each other, and {ptr, Size} or {ptr, Bytes} for a pointer to a
// block of memory that lives until the call is answered.
type cstruct struct {
	list   etf.Decoder // before the argument, which tells what the reply is made of
	buf    []byte      // the structure, and zeros that the kernel may write to
	size   int         // of the structure
	blocks int         // offset in the arena of the first block
	levels int         // of structures that may be in it: {ptr, Structure} for a pointer
}

// cstruct reads a structure. In memory it is followed by zeros, max bytes
// altogether, which it may not exceed.
func (c *Calls) cstruct(max int) cstruct { return c.nested(max, 1) }

// nested reads a structure that may point to others, levels altogether.
func (c *Calls) nested(max, levels int) cstruct {
	s := cstruct{list: c.args, levels: levels}
	if c.args.Kind() != etf.List {
		c.refuse(invalid)
		return s
	}
	n := c.args.List()
	if n < 1 || n > maxElements {
		c.refuse(invalid)
		return s
	}
	s.buf = c.mem.zeroed(max)
	c.mem.align(blockAlign)
	s.blocks = c.mem.used
	c.elements(&s, n)
	return s
}

// elements reads the elements of a structure, and the tail of their list, and
// returns how many bytes they describe.
func (c *Calls) elements(s *cstruct, n int) (total int) {
	for range n {
		total += c.element(s)
		if total > maxData {
			c.refuse(invalid)
		}
		if !c.args.OK() {
			return 0
		}
	}
	c.skipTail()
	return total
}

// optionalStruct reads a structure and returns its address and size. The empty
// list, and a structure without bytes, is a null pointer.
func (c *Calls) optionalStruct(max int) (addr uintptr, size int) {
	if c.args.Kind() == etf.Nil {
		c.args.Nil()
		return 0, 0
	}
	s := c.cstruct(max)
	if s.size == 0 {
		return 0, 0
	}
	return address(s.buf), s.size
}

// element reads an element of a structure, appends it to the structure and
// returns how many bytes it describes.
func (c *Calls) element(s *cstruct) int {
	if c.args.Kind() == etf.Binary {
		b := c.args.Binary()
		if c.fits(s, len(b)) {
			s.size += copy(s.buf[s.size:], b)
		}
		return len(b)
	}
	if c.args.Tag() != etf.TagSmallTuple {
		c.refuse(invalid)
	}
	c.record("ptr", 2)
	if s.levels > 1 && c.args.Kind() == etf.List {
		return c.pointed(s)
	}
	contents, n := c.blockSize(&c.args)
	if n > maxData {
		c.refuse(invalid)
	}
	if !c.fits(s, pointerSize) {
		return n
	}
	if n > 0 {
		c.mem.align(blockAlign)
		block := c.mem.zeroed(n)
		copy(block, contents)
		putPointer(s.buf[s.size:], address(block))
	}
	s.size += pointerSize
	return n
}

// pointed reads a structure that another one points to.
func (c *Calls) pointed(s *cstruct) int {
	size := c.structSize(c.args)
	n := c.args.List()
	if n < 1 || n > maxElements || size > maxData {
		c.refuse(invalid)
	}
	if !c.fits(s, pointerSize) {
		return 0
	}
	c.mem.align(blockAlign)
	in := cstruct{buf: c.mem.zeroed(size), levels: s.levels - 1}
	putPointer(s.buf[s.size:], address(in.buf))
	s.size += pointerSize
	return c.elements(&in, n)
}

// structSize returns the size of a structure itself: its bytes and pointers.
func (c *Calls) structSize(d etf.Decoder) (size int) {
	for n := d.List(); n > 0 && size <= maxData && d.OK(); n-- {
		if d.Kind() == etf.Binary {
			size += len(d.Binary())
			continue
		}
		d.Skip()
		size += pointerSize
	}
	return size
}

func (c *Calls) fits(s *cstruct, n int) bool {
	if n > len(s.buf)-s.size {
		c.refuse(invalid)
	}
	return c.args.OK()
}

// blockSize reads the second element of a ptr tuple: the size of a block, or its
// contents.
func (c *Calls) blockSize(d *etf.Decoder) (contents []byte, n int) {
	if d.Kind() == etf.Binary {
		contents = d.Binary()
		return contents, len(contents)
	}
	n = int(d.Int32Term())
	if n < 0 {
		d.Fail()
	}
	return nil, n
}

// skipTail moves behind the tail of a list that need not be a proper one.
func (c *Calls) skipTail() {
	before := c.args
	c.args.Skip()
	if !c.args.OK() {
		c.args = before
	}
}

// contents replies what the structure and its blocks hold now, in the form of
// the argument. Null pointers are shown as the bytes that they are.
func (c *Calls) contents(s *cstruct) {
	d, block := s.list, s.blocks
	c.parts(&d, s.buf, &block)
}

// parts replies what a structure in buf holds, whose list d is before. The next
// block of memory that it points to is at the offset block in the arena.
func (c *Calls) parts(d *etf.Decoder, buf []byte, block *int) {
	n, at := d.List(), 0
	c.reply.List(n)
	for range n {
		if d.Kind() == etf.Binary {
			size := len(d.Binary())
			c.reply.Binary(buf[at : at+size])
			at += size
			continue
		}
		d.Tuple()
		d.Skip()
		c.part(d, buf[at:at+pointerSize], block)
		at += pointerSize
	}
	c.reply.Nil()
	before := *d
	d.Skip() // the tail, see skipTail
	if !d.OK() {
		*d = before
	}
}

// part replies what a pointer points to.
func (c *Calls) part(d *etf.Decoder, pointer []byte, block *int) {
	structure := d.Kind() == etf.List
	size := 0
	if structure {
		size = c.structSize(*d)
	} else {
		_, size = c.blockSize(d)
		if size == 0 {
			c.reply.Binary(pointer)
			return
		}
	}
	*block = (*block + blockAlign - 1) &^ (blockAlign - 1)
	b := c.mem.buf[*block : *block+size]
	*block += size
	c.reply.Tuple(2)
	c.reply.Atom("ptr")
	if structure {
		c.parts(d, b, block)
	} else {
		c.reply.Binary(b)
	}
}

// putPointer stores an address in the byte order of the machine, little-endian
// on all that are supported.
func putPointer(b []byte, v uintptr) {
	for i := range pointerSize {
		b[i] = byte(v >> (8 * i))
	}
}
