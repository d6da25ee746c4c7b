// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// close answers close/1, see close(2).
func (c *Calls) close() {
	fd := c.args.Int()
	if c.refused() {
		return
	}
	c.done(c.p.Close(int(fd)))
}

// read answers read/2, see read(2), with at most as many bytes as the reply can
// hold.
func (c *Calls) read() {
	fd := c.args.Int()
	n := c.args.Uint64()
	if c.refused() {
		return
	}
	c.results(1)
	at := c.reply.Len()
	c.reply.BinaryHeader(0)
	// Read to the place where the reply needs the data. Its length is known
	// only afterwards.
	b := c.reply.Bytes()
	b = b[len(b):cap(b)]
	b = b[:min(n, uint64(len(b)))]
	if c.p.Locked() {
		clear(b) // the filter may have the kernel skip the call
	}
	got, err := c.p.Read(int(fd), b)
	if err == 0 && got > len(b) {
		err = sys.ESKIPPED
	}
	if err != 0 {
		c.error(err)
		return
	}
	c.reply.Truncate(at)
	c.reply.BinaryHeader(got)
	c.reply.Raw(b[:got])
}

// write answers write/2, see write(2).
func (c *Calls) write() {
	fd := c.args.Int()
	b := c.text(maxData)
	if c.refused() {
		return
	}
	c.counted(c.p.Write(int(fd), b))
}

// fcntl answers fcntl/3 with {ok, Result}, see fcntl(2). Only commands whose
// argument is an integer have a meaning.
func (c *Calls) fcntl() {
	fd, command, arg := c.args.Int(), c.constant(fcntlConstants), immediate(c)
	if c.refused() {
		return
	}
	c.p.Flush()
	r, err := signal.Interruptible(sys.SYS_FCNTL, uintptr(fd), uintptr(command), arg, 0, 0, 0)
	if err != 0 {
		c.error(err)
		return
	}
	if command == sys.F_SETFD {
		c.p.NoteCloseOnExec(int(fd), arg&sys.FD_CLOEXEC != 0)
	}
	okNumber(c, r)
}

// lseek answers lseek/3, see lseek(2).
func (c *Calls) lseek() {
	fd, offset, whence := c.args.Int(), c.args.Int64(), c.args.Int()
	if c.refused() {
		return
	}
	c.done(sys.Lseek(int(fd), offset, int(whence)))
}
