// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// find returns the value of a name, whatever the case of its ASCII letters. The
// names of a table are in lower case, and the first that matches counts.
func find(names []constant, name []byte) (value int64, ok bool) {
	for i := range names {
		if equalFold(names[i].name, name) {
			return names[i].value, true
		}
	}
	return 0, false
}

// equalFold reports whether name, in lower case, is lower.
func equalFold(lower string, name []byte) bool {
	if len(lower) != len(name) {
		return false
	}
	for i, ch := range name {
		if 'A' <= ch && ch <= 'Z' {
			ch += 'a' - 'A'
		}
		if ch != lower[i] {
			return false
		}
	}
	return true
}

// named reads an atom and returns its value. A name that is not in the table
// is refused with enotsup.
func (c *Calls) named(names []constant) int64 {
	name := c.word()
	v, ok := find(names, name)
	if !ok {
		c.refuse(sys.ENOTSUP)
	}
	return v
}

// constant reads a name in the table, or a number in one of the two short
// encodings.
func (c *Calls) constant(names []constant) int32 {
	if c.args.Kind() != etf.Atom {
		return c.args.Int32Term()
	}
	v := c.named(names)
	if v != int64(int32(v)) {
		c.refuse(invalid)
	}
	return int32(v)
}

// constant64 reads a constant as constant does, for values of 64 bits, which may be small bigs.
func (c *Calls) constant64(names []constant) int64 {
	switch c.args.Kind() {
	case etf.Atom:
		return c.named(names)
	case etf.SmallBig:
		return c.args.Int64()
	}
	return int64(c.args.Int32Term())
}

// flags reads a list of constants and returns all their bits, or takes a number
// for what it is.
func (c *Calls) flags(names []constant) int32 {
	var v int32
	switch c.args.Kind() {
	case etf.Nil:
		c.args.Nil()
	case etf.String:
		for _, b := range c.args.String() {
			v |= int32(b)
		}
	case etf.List:
		for n := c.args.List(); n > 0 && c.args.OK(); n-- {
			v |= c.constant(names)
		}
		c.args.Nil()
	default:
		v = c.args.Int32Term()
	}
	return v
}

// constantOf answers a call that tells the value of a name.
func (c *Calls) constantOf() {
	name := c.word()
	if c.refused() {
		return
	}
	if v, ok := find(c.row.names, name); ok {
		c.reply.Uint(uint64(v))
	} else {
		c.reply.Atom("unknown")
	}
}

// fileConstant answers file_constant/1. It also tells names of the tables that
// no call of this kind is for, which the C port has no way to ask for.
func (c *Calls) fileConstant() {
	name := c.word()
	if c.refused() {
		return
	}
	for _, names := range [...][]constant{
		fileConstants, socketConstants, waitConstants, prioConstants, otherConstants,
	} {
		if v, ok := find(names, name); ok {
			c.reply.Uint(uint64(v))
			return
		}
	}
	c.reply.Atom("unknown")
}

// errnoID answers errno_id/1.
func (c *Calls) errnoID() {
	n := c.args.Int()
	if c.refused() {
		return
	}
	c.reply.Atom(errnoName(sys.Errno(max(n, 0))))
}

// errnoName returns the name of an error number, such as "enoent", or "unknown".
func errnoName(err sys.Errno) string {
	if err < sys.Errno(len(errnoNames)) && errnoNames[err] != "" {
		return errnoNames[err]
	}
	return "unknown"
}
