// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// sizeofJail is the size of struct jail in its second version, which is in use.
const sizeofJail = 56

// jail answers jail/1 with {ok, Jid}, see jail(2). The jail is a structure.
func (c *Calls) jail() {
	s := c.cstruct(sizeofJail)
	if c.refused() {
		return
	}
	jid, err := sys.Call(sys.SYS_JAIL, address(s.buf), 0, 0)
	c.counted(int(int32(jid)), err)
}
