// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

func (c *Calls) badarg() {
	c.failed = true
	c.reply.Atom("badarg")
}

// undef replies that the call is blocked by the filter, or that the system does not have
// it.
func (c *Calls) undef() {
	c.failed = true
	c.reply.Atom("undef")
}

// refused reports whether an argument was refused and, if so, replies with the
// reason.
func (c *Calls) refused() bool {
	if c.args.OK() {
		return false
	}
	if c.fault != invalid {
		c.error(c.fault)
	} else {
		c.badarg()
	}
	return true
}

// error replies {error, Errno}, instead of what was begun.
func (c *Calls) error(err sys.Errno) {
	c.failed = true
	c.restart()
	c.reply.Tuple(2)
	c.reply.Atom("error")
	c.reply.Atom(errnoName(err))
}

// done replies ok, or the error.
func (c *Calls) done(err sys.Errno) {
	if err != 0 {
		c.error(err)
		return
	}
	ok(c, 0)
}

// counted replies {ok, N}, or the error.
func (c *Calls) counted(n int, err sys.Errno) {
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Int(int64(n))
}

// results begins the reply {ok, ...} with n more elements.
func (c *Calls) results(n int) {
	c.reply.Tuple(1 + n)
	c.reply.Atom("ok")
}

// flag replies a boolean.
func (c *Calls) flag(v bool) { c.reply.Bool(v) }

// possible replies true when an option was set, false when that is not possible.
func (c *Calls) possible(v bool) {
	c.failed = !v
	c.flag(v)
}

// link begins the next element of a list that is sent element by element: each
// is a list of one, whose tail the next one is. Nil ends the list. Erlang reads
// it as one list; clients have only ever seen these lists so.
func (c *Calls) link() { c.reply.List(1) }

// restart takes back all of the reply but its version byte.
func (c *Calls) restart() { c.reply.Truncate(1) }

// silent takes back all of the reply: none is sent.
func (c *Calls) silent() { c.reply.Truncate(0) }

// oversized replaces a reply that did not fit.
func (c *Calls) oversized(oneTerm bool) {
	if !oneTerm {
		c.error(sys.EMSGSIZE)
		return
	}
	c.restart()
	c.badarg()
}

// The replies of the table's system calls.

// ok replies ok, whatever the result.
func ok(c *Calls, _ uintptr) { c.reply.Atom("ok") }

// okUser replies ok to a call that has changed the user.
func okUser(c *Calls, _ uintptr) {
	c.p.IdentityChanged()
	ok(c, 0)
}

// okNumber replies {ok, N} with a result that is an int. A negative one, which
// only fcntl(F_GETOWN) has for a process group, counts as a failure.
func okNumber(c *Calls, r uintptr) {
	if int32(r) < 0 {
		c.error(0)
		return
	}
	c.counted(int(int32(r)), 0)
}

// number replies an id, which is not negative.
func number(c *Calls, r uintptr) { c.reply.Uint(uint64(uint32(r))) }
