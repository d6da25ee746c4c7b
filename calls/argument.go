// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// Greatest lengths of iolists in bytes. All of them are followed by a NUL.
const (
	maxPath   = 4095
	maxString = 65534 // of an argument of exec, an environment variable
	maxData   = 65535
)

// Readers make the arguments of a system call. Each either reads the next argument
// of the call or supplies a value of its own.
type readers [6]func(*Calls) uintptr

// invalid is the reason for which most arguments are refused: the reply is badarg.
const invalid sys.Errno = 0

// refuse makes an argument refused for a reason. Only the first refusal counts.
func (c *Calls) refuse(err sys.Errno) {
	if c.args.OK() {
		c.fault = err
		c.args.Fail()
	}
}

func signed(c *Calls) uintptr   { return uintptr(c.args.Int()) }
func unsigned(c *Calls) uintptr { return uintptr(c.args.Uint()) }

// immediate reads a value in one of the two short encodings of integers. The
// kernel gets its 32 bits, without the sign.
func immediate(c *Calls) uintptr { return uintptr(uint32(c.args.Int32Term())) }

// path reads a path, which is not empty.
func path(c *Calls) uintptr { return address(c.path()) }

func (c *Calls) path() []byte { return c.someName(maxPath) }

// name reads a name; the empty one is a null pointer.
func name(c *Calls) uintptr {
	b := c.text(maxPath)
	c.uncut(b)
	return addressOrNull(b)
}

// data reads text that the kernel takes as a block of memory; no text is a null pointer.
func data(c *Calls) uintptr {
	b := c.text(maxData)
	if n := len(b); n > 0 {
		c.mem.zeroed(maxData - n) // a page is copied from there, however large
	}
	return addressOrNull(b)
}

// oneOf reads a constant of the row's names, by name or number.
func oneOf(c *Calls) uintptr { return uintptr(c.constant(c.row.names)) }

// anyOf reads a list of constants of the row's names, or their sum.
func anyOf(c *Calls) uintptr { return uintptr(c.flags(c.row.names)) }

// positive reads a list as anyOf does, and refuses flags whose highest bit is set.
func positive(c *Calls) uintptr { return uintptr(c.positive(c.row.names)) }

func (c *Calls) positive(names []constant) int32 {
	v := c.flags(names)
	if v < 0 {
		c.refuse(invalid)
	}
	return v
}

// text reads an iolist of at most max bytes. A NUL follows it in memory. If it
// is refused the result is empty.
func (c *Calls) text(max int) []byte {
	b := c.args.IOList(c.mem.rest(), max)
	n := len(b)
	c.mem.take(n + 1)[n] = 0
	return b
}

// name reads text that the kernel takes to end at a NUL, which the result does.
// NULs at the end of it, with which some clients end names themselves, mean
// nothing; one within would cut it without a word.
func (c *Calls) name(max int) []byte { return c.uncut(c.text(max)) }

// someName reads a name of at least one byte.
func (c *Calls) someName(max int) []byte {
	b := c.text(max)
	if len(b) == 0 {
		c.refuse(invalid)
	}
	return c.uncut(b)
}

// uncut takes NULs away from the end of a name.
func (c *Calls) uncut(b []byte) []byte {
	name := sys.CString(b)
	if !zero(b[len(name):]) {
		c.refuse(invalid)
	}
	return name
}

// word reads an atom. It is valid until the next one is read.
func (c *Calls) word() []byte { return c.args.Atom(c.atom[:0]) }

// record reads the beginning of a record: a tuple of that arity with the tag as
// its first element.
func (c *Calls) record(tag string, arity int) {
	if c.args.Tuple() != arity || string(c.word()) != tag {
		c.refuse(invalid)
	}
}

// argv is a list of strings for execve(2): a vector of pointers that ends with
// a null pointer.
type argv struct {
	// vector has a word to spare before the first pointer, and at least two
	// after it, so that a shell can be put in front of a script.
	vector []uintptr
	null   bool // no list at all
}

func (v argv) address() uintptr {
	if v.null {
		return 0
	}
	return address(v.vector[1:])
}

// argv reads a list of strings. The empty list stands for none.
func (c *Calls) argv() argv {
	n := 0
	switch c.args.Kind() {
	case etf.Nil:
		c.args.Nil()
	case etf.List:
		n = c.args.List()
	default:
		c.refuse(invalid)
	}
	v := argv{vector: c.mem.words(1 + max(n, 1) + 1), null: n == 0}
	for i := range n {
		v.vector[1+i] = address(c.name(maxString))
		if !c.args.OK() {
			return v
		}
	}
	if n > 0 {
		c.args.Nil()
	}
	return v
}

func addressOrNull(b []byte) uintptr {
	if len(b) == 0 {
		return 0
	}
	return address(b)
}
