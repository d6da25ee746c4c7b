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
	buf    []byte      // the structure, and zeros as far as the kernel may write
	size   int         // of the structure
	blocks int         // offset in the arena of the first block
}

// cstruct reads a structure. In memory it is followed by zeros, max bytes
// altogether, which it may not exceed.
func (c *Calls) cstruct(max int) cstruct {
	s := cstruct{list: c.args}
	if c.args.Kind() != etf.List {
		c.refuse(0)
		return s
	}
	n := c.args.List()
	if n < 1 || n > maxElements {
		c.refuse(0)
		return s
	}
	s.buf = c.mem.zeroed(max)
	c.mem.align(blockAlign)
	s.blocks = c.mem.used
	total := 0
	for range n {
		total += c.element(&s)
		if total > maxData {
			c.refuse(0)
		}
		if !c.args.OK() {
			return s
		}
	}
	c.skipTail()
	return s
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
		c.refuse(0)
	}
	c.record("ptr", 2)
	contents, n := c.blockSize(&c.args)
	if n > maxData {
		c.refuse(0)
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

func (c *Calls) fits(s *cstruct, n int) bool {
	if n > len(s.buf)-s.size {
		c.refuse(0)
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
	d := s.list
	n := d.List()
	c.reply.List(n)
	at, block := 0, s.blocks
	for range n {
		if d.Kind() == etf.Binary {
			size := len(d.Binary())
			c.reply.Binary(s.buf[at : at+size])
			at += size
			continue
		}
		d.Tuple()
		d.Skip()
		_, size := c.blockSize(&d)
		if size == 0 {
			c.reply.Binary(s.buf[at : at+pointerSize])
		} else {
			block = (block + blockAlign - 1) &^ (blockAlign - 1)
			c.reply.Tuple(2)
			c.reply.Atom("ptr")
			c.reply.Binary(c.mem.buf[block : block+size])
			block += size
		}
		at += pointerSize
	}
	c.reply.Nil()
}

// putPointer stores an address in the byte order of the machine, little-endian
// on all that are supported.
func putPointer(b []byte, v uintptr) {
	for i := range pointerSize {
		b[i] = byte(v >> (8 * i))
	}
}
