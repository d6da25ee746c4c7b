// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

const (
	maxBatch = 255 // calls in one

	// batchFrame is what the reply to a batch takes beside the replies in it: version
	// byte, {error, Index, Replies}, header and end of the list.
	batchFrame = 1 + 2 + 7 + 2 + 5 + 1

	// errorRoom is for the reply {error, emsgsize} in place of one that does not fit.
	errorRoom = 2 + 7 + 10
)

// batch answers batch/1: it makes the calls of a list, each {Number, Arguments}, in
// their order up to the first that fails. The reply is {ok, Replies}, or {error,
// Index, Replies} with the failure as the last of the replies; indexes begin at 1.
//
// A call that replaces the program, or ends it, must be the last. There is no reply
// then, as to the call alone.
//
// The replies are not gathered in the frame that will have them, since a call may
// have the process write frames.
func (c *Calls) batch() {
	n, forChild := c.batchLength()
	if c.refused() {
		return
	}
	outer, calls := c.reply, c.args
	c.reply = &c.inner
	const front = 1 // a version byte goes before each reply, in place of the byte there
	limit := min(c.p.ReplyLimit()-batchFrame, len(c.replies)) - errorRoom
	done, used := 0, front
	for done < n && !c.failed {
		nr, next := nextCall(&calls)
		c.args, calls = calls, next
		kept := c.replies[used-1]
		c.inner.Reset(c.replies[used-1 : used-1 : limit])
		c.answer(nr)
		if c.inner.Len() == 0 { // the child of a fork
			c.reply = outer
			c.begin(forChild && done == n-1, calls)
			return
		}
		if c.inner.Full() { // there was no room to say so
			c.inner.Reset(c.replies[used-1 : used-1 : limit+errorRoom])
			c.inner.Version()
			c.error(sys.EMSGSIZE)
		}
		c.replies[used-1] = kept
		used += c.inner.Len() - 1
		done++
	}
	c.reply = outer
	c.replied(done, c.replies[front:used])
}

// begin makes the batch that a child of a fork begins with, if there is one. Otherwise
// nobody has called the child.
func (c *Calls) begin(forChild bool, calls etf.Decoder) {
	c.silent()
	if !forChild {
		return
	}
	c.args = calls
	nr, _ := nextCall(&c.args)
	c.beginning = true
	c.answer(nr)
	c.beginning = false
}

// replied replies to a batch after n of its calls were made.
func (c *Calls) replied(n int, replies []byte) {
	if c.failed {
		c.reply.Tuple(3)
		c.reply.Atom("error")
		c.reply.Int(int64(n))
	} else {
		c.results(1)
	}
	c.reply.List(n)
	c.reply.Raw(replies)
	c.reply.Nil()
}

// batchLength looks at all of a batch, before any of it is done, and returns how
// many calls there are, and whether one for a child follows them. The cursor is behind
// the header of the list.
func (c *Calls) batchLength() (n int, forChild bool) {
	n = c.args.List()
	if n > maxBatch {
		c.refuse(invalid)
	}
	all, before := c.args, 0
	for i := range n {
		nr, next := nextCall(&all)
		all = next
		last := i == n-1
		forChild = nr == nrBatch && last && !c.beginning && (before == nrFork || before == nrClone)
		if !all.OK() || nr == nrBatch && !forChild || !last && (c.Execs(nr) || nr == nrExit) {
			c.refuse(invalid)
			return 0, false
		}
		before = nr
	}
	if n > 0 {
		all.Nil()
	}
	if !all.OK() {
		c.refuse(invalid)
	}
	if forChild {
		n--
	}
	return n, forChild
}

// nextCall reads the number of a call in a batch, so that the cursor is before its
// arguments, and returns a cursor behind them.
func nextCall(d *etf.Decoder) (nr int, next etf.Decoder) {
	if d.Tuple() != 2 {
		d.Fail()
	}
	nr = int(d.Uint())
	next = *d
	next.Skip()
	return nr, next
}
