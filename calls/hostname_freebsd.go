// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

const maxHostname = 255

var hostname = [...]int32{sys.CTL_KERN, sys.KERN_HOSTNAME}

// gethostname answers gethostname/0, see gethostname(3).
func (c *Calls) gethostname() {
	b := c.mem.zeroed(maxHostname + 1)
	if _, err := sys.Sysctl(hostname[:], b, nil); err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Binary(sys.CString(b))
}

// sethostname answers sethostname/1, see sethostname(3).
func (c *Calls) sethostname() {
	name := c.someName(maxHostname)
	if c.refused() {
		return
	}
	_, err := sys.Sysctl(hostname[:], nil, name)
	c.done(err)
}
