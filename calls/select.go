// SPDX-License-Identifier: ISC

package calls

import (
	"math"
	"math/bits"
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

const (
	maxSelect = 1024 // select(2) knows descriptors below, on Linux and FreeBSD
	usecPerS  = 1000 * 1000
)

// A fdSet is struct fd_set, in the arena.
type fdSet []uintptr

// select answers select/4 with {ok, Read, Write, Except}, see select(2).
func (c *Calls) selectFDs() {
	var sets [3]fdSet
	n := 0
	for i := range sets {
		sets[i] = c.mem.words(maxSelect / bits.UintSize)
		n = max(n, c.descriptors(sets[i]))
	}
	ts := c.timeout()
	if c.refused() {
		return
	}
	c.p.Flush()
	found, err := signal.Interruptible(trapSelect, uintptr(n),
		address(sets[0]), address(sets[1]), address(sets[2]), address(ts), 0)
	if err == 0 && int(found) != sets[0].count()+sets[1].count()+sets[2].count() {
		err = sys.ESKIPPED
	}
	if err != 0 {
		c.error(err)
		return
	}
	c.results(3)
	for _, set := range sets {
		c.members(set)
	}
}

// descriptors reads a list of open descriptors into an empty set and returns the
// number of the highest plus one. Whatever is wrong with a list is ebadf.
func (c *Calls) descriptors(set fdSet) (n int) {
	if !c.args.OK() {
		return 0
	}
	switch c.args.Kind() {
	case etf.String:
		b := c.args.String()
		for i, fd := range b {
			n = max(n, c.add(set, i, int32(fd)))
		}
	case etf.List:
		for i := range c.args.List() {
			n = max(n, c.add(set, i, c.args.Int()))
			if !c.args.OK() {
				break
			}
		}
		c.args.Nil()
	default:
		c.args.Nil()
	}
	if !c.args.OK() {
		c.fault = sys.EBADF
	}
	return n
}

// add puts fd, the i-th element of a list, into a set.
func (c *Calls) add(set fdSet, i int, fd int32) int {
	if !c.args.OK() {
		return 0
	}
	if i >= maxSelect-1 || fd < 0 || fd >= maxSelect {
		c.args.Fail()
		return 0
	}
	if _, err := sys.Fcntl(int(fd), sys.F_GETFD, 0); err != 0 {
		c.args.Fail()
		return 0
	}
	set[fd/bits.UintSize] |= 1 << (fd % bits.UintSize)
	return int(fd) + 1
}

// count returns how many descriptors are in a set.
func (set fdSet) count() (n int) {
	for _, word := range set {
		n += bits.OnesCount64(uint64(word))
	}
	return n
}

// members replies the descriptors in a set, in ascending order.
func (c *Calls) members(set fdSet) {
	for i, word := range set {
		for ; word != 0; word &= word - 1 {
			c.link()
			c.reply.Int(int64(i*bits.UintSize + bits.TrailingZeros64(uint64(word))))
		}
	}
	c.reply.Nil()
}

// timeout reads [] for none, or {alcove_timeval, Sec, Usec}.
func (c *Calls) timeout() []syscall.Timespec {
	if c.args.Kind() == etf.Nil {
		c.args.Nil()
		return nil
	}
	c.record("alcove_timeval", 3)
	sec, usec := c.args.Int64(), c.args.Int64()
	if !c.args.OK() {
		return nil
	}
	if sec < 0 || usec < 0 {
		c.refuse(sys.EINVAL)
		return nil
	}
	ts := unsafe.Slice((*syscall.Timespec)(unsafe.Pointer(unsafe.SliceData(c.mem.words(2)))), 1)
	ts[0] = sys.Timespec(math.MaxInt64, 1e9-1) // as good as forever
	if carry := usec / usecPerS; sec <= math.MaxInt64-carry {
		ts[0] = sys.Timespec(sec+carry, usec%usecPerS*1000)
	}
	return ts
}
