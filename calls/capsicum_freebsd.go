// SPDX-License-Identifier: ISC

package calls

import (
	"math"

	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// capGetmode answers cap_getmode/0 with {ok, Mode}, see cap_getmode(2).
func (c *Calls) capGetmode() {
	mode := c.mem.ids(1)
	_, err := sys.Call(sys.SYS_CAP_GETMODE, address(mode), 0, 0)
	c.counted(int(mode[0]), err)
}

// capFcntlsGet answers cap_fcntls_get/1 with {ok, Rights}, see
// cap_fcntls_get(2).
func (c *Calls) capFcntlsGet() {
	fd := c.args.Int()
	if c.refused() {
		return
	}
	rights := c.mem.ids(1)
	_, err := sys.Call(sys.SYS_CAP_FCNTLS_GET, uintptr(fd), address(rights), 0)
	c.counted(int(rights[0]), err)
}

// capIoctlsLimit answers cap_ioctls_limit/2, see cap_ioctls_limit(2).
func (c *Calls) capIoctlsLimit() {
	fd := c.args.Int()
	requests := c.numbers(ioctlConstants, math.MaxUint32)
	if c.refused() {
		return
	}
	_, err := sys.Call(sys.SYS_CAP_IOCTLS_LIMIT, uintptr(fd), address(requests), uintptr(len(requests)))
	c.done(err)
}

// capRightsLimit answers cap_rights_limit/2, see cap_rights_limit(2).
func (c *Calls) capRightsLimit() {
	fd := c.args.Int()
	rights := c.numbers(capConstants, math.MaxInt64)
	if c.refused() {
		return
	}
	set := c.mem.words(capWords)
	if !capRights(set, rights) {
		c.error(sys.EINVAL)
		return
	}
	_, err := sys.Call(sys.SYS_CAP_RIGHTS_LIMIT, uintptr(fd), address(set), 0)
	c.done(err)
}

// A set of rights, cap_rights_t, has two words. The upper bits of each, and of
// a right, tell which word it is. Above them in the first is how many words
// there are beyond two.
const (
	capWords = 2

	capIndex      = 57 // from this bit on
	capIndexFirst = 1 << capIndex
	capIndexAll   = 0x1f << capIndex
)

// capRights makes a set of rights, as cap_rights_init(3) does. It reports false
// when a number is no right. 0 is none.
func capRights(set, rights []uintptr) bool {
	for i := range set {
		set[i] = capIndexFirst << i
	}
	for _, right := range rights {
		word := 0
		switch right & capIndexAll {
		case capIndexFirst:
		case capIndexFirst << 1:
			word = 1
		default:
			if right != 0 {
				return false
			}
		}
		set[word] |= right
	}
	return true
}

// numbers reads a number, or a list of names and numbers, all of them from 0
// to max.
func (c *Calls) numbers(names []constant, max int64) []uintptr {
	switch c.args.Kind() {
	case etf.Nil:
		c.args.Nil()
		return nil
	case etf.String:
		b := c.args.String()
		list := c.mem.words(len(b))
		for i, n := range b {
			list[i] = uintptr(n)
		}
		return list
	case etf.List:
		list := c.mem.words(c.args.List())
		for i := range list {
			list[i] = c.within(names, max)
			if !c.args.OK() {
				return nil
			}
		}
		c.args.Nil()
		return list
	case etf.Atom:
		c.refuse(invalid)
		return nil
	}
	list := c.mem.words(1)
	list[0] = c.within(names, max)
	return list
}

func (c *Calls) within(names []constant, max int64) uintptr {
	v := c.constant64(names)
	if v < 0 || v > max {
		c.refuse(invalid)
	}
	return uintptr(v)
}
