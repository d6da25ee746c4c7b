// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// alloc answers alloc/1 with {ok, Bytes, Contents}: what a structure looks like
// in memory.
func (c *Calls) alloc() {
	s := c.cstruct(maxData)
	if c.refused() {
		return
	}
	c.results(2)
	c.reply.Binary(s.buf[:s.size])
	c.contents(&s)
}

// ioctl answers ioctl/3 with {ok, Result, Contents}, see ioctl(2).
func (c *Calls) ioctl() {
	fd := c.args.Int()
	request := c.constant64(ioctlConstants)
	arg := &c.ptrs[0]
	if c.args.Kind() == etf.Int {
		*arg = ptrArg{value: immediate(c)}
	} else {
		c.memory(arg)
	}
	if c.refused() {
		return
	}
	c.p.Flush()
	r, err := signal.Interruptible(sys.SYS_IOCTL, uintptr(fd), uintptr(request), arg.value, 0, 0, 0)
	if err != 0 {
		c.error(err)
		return
	}
	switch request {
	case sys.FIOCLEX, sys.FIONCLEX:
		c.p.NoteCloseOnExec(int(fd), request == sys.FIOCLEX)
	}
	c.results(2)
	c.reply.Int(int64(int32(r)))
	c.after(arg)
}

// iolistToBin answers iolist_to_bin/1.
func (c *Calls) iolistToBin() {
	b := c.text(maxData)
	if c.refused() {
		return
	}
	c.reply.Binary(b)
}
