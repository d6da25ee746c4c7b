// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	b[0] = 0
	if _, err := sys.Call(sys.SYS___GETCWD, address(b), uintptr(len(b)), 0); err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Binary(sys.CString(b))
}
