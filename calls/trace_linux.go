// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// ptrace answers ptrace/4 with {ok, Result, Addr, Data}, see ptrace(2).
func (c *Calls) ptrace() {
	request := c.constant(ptraceConstants)
	pid := c.args.Int()
	addr, data := &c.ptrs[0], &c.ptrs[1]
	c.ptraceArgument(addr)
	c.ptraceArgument(data)
	if c.refused() {
		return
	}
	to, word := data.value, c.mem.words(1)
	if peeks(request) {
		to = address(word)
	}
	r, err := sys.Call6(sys.SYS_PTRACE, uintptr(request), uintptr(pid), addr.value, to, 0, 0)
	if err != 0 {
		c.error(err)
		return
	}
	if peeks(request) {
		r = word[0]
	}
	c.results(3)
	c.reply.Int(int64(r))
	c.after(addr)
	c.after(data)
}

// ptraceArgument reads a number or memory.
func (c *Calls) ptraceArgument(r *ptrArg) {
	if c.args.Kind() == etf.Int {
		c.number(r)
	} else {
		c.memory(r)
	}
}

// peeks reports whether a request returns a word. The kernel stores it where data
// points to; libc, whose function returns it, does not use data at all.
func peeks(request int32) bool {
	switch request {
	case sys.PTRACE_PEEKTEXT, sys.PTRACE_PEEKDATA, sys.PTRACE_PEEKUSR:
		return true
	}
	return false
}
