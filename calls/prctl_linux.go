// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// prctl answers prctl/5 with {ok, Result, Arg2, Arg3, Arg4, Arg5}, see prctl(2).
func (c *Calls) prctl() {
	option := c.constant(prctlConstants)
	for i := range 4 {
		c.prctlArgument(&c.ptrs[i])
	}
	if c.refused() {
		return
	}
	if option == sys.PR_SET_SECCOMP {
		c.p.Locking()
	}
	a := &c.ptrs
	r, err := sys.Call6(sys.SYS_PRCTL, uintptr(option), a[0].value, a[1].value, a[2].value, a[3].value, 0)
	if err != 0 {
		c.error(err)
		return
	}
	c.results(5)
	c.reply.Int(int64(int32(r)))
	for i := range 4 {
		if a[i].kind == ptrNumber {
			c.reply.Uint(uint64(a[i].value))
		} else {
			c.after(&a[i])
		}
	}
}

// prctlArgument reads a number, a name for one, memory, or [] for none.
func (c *Calls) prctlArgument(r *ptrArg) {
	switch c.args.Kind() {
	case etf.Int:
		c.number(r)
	case etf.Atom:
		v := c.constant(prctlConstants)
		if v < 0 {
			c.refuse(invalid)
		}
		r.kind, r.value = ptrNumber, uintptr(v)
	case etf.Nil:
		c.args.Nil()
		r.kind, r.value = ptrNumber, 0
	default:
		c.memory(r)
	}
}
