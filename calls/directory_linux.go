// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	b[0] = 0
	_, err := sys.Call(sys.SYS_GETCWD, address(b), uintptr(len(b)), 0)
	switch {
	case err == sys.ENAMETOOLONG:
		c.error(sys.ERANGE)
	case err != 0:
		c.error(err)
	case b[0] != '/' && b[0] != 0: // nothing is there when the call was skipped
		// The kernel says "(unreachable)" where libc says this.
		c.error(sys.ENOENT)
	default:
		c.results(1)
		c.reply.Binary(sys.CString(b))
	}
}
