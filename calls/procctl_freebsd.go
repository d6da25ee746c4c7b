// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// procctl answers procctl/4 with {ok, Bytes, Contents} of the structure, empty
// ones for [], see procctl(2).
func (c *Calls) procctl() {
	kind := c.constant(waitConstants)
	id := c.args.Int64()
	command := c.constant(procctlConstants)
	none := c.args.OK() && c.args.Kind() == etf.Nil
	var s cstruct
	if none {
		c.args.Nil()
	} else {
		s = c.cstruct(maxData)
	}
	if c.refused() {
		return
	}
	_, err := sys.Call6(sys.SYS_PROCCTL, uintptr(kind), uintptr(id), uintptr(command), address(s.buf), 0, 0)
	if err != 0 {
		c.error(err)
		return
	}
	c.results(2)
	c.reply.Binary(s.buf[:s.size])
	if none {
		c.reply.Nil()
	} else {
		c.contents(&s)
	}
}
