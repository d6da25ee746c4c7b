// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// mount answers mount/6, see mount(2). There is no source here, and there are
// no options: what a file system needs is in its data.
func (c *Calls) mount() {
	name(c) // source
	target := path(c)
	kind := name(c)
	flags := uintptr(c.positive(mountConstants))
	contents := data(c)
	data(c) // options
	if c.refused() {
		return
	}
	c.p.Flush()
	_, err := sys.Call6(sys.SYS_MOUNT, kind, target, flags, contents, 0, 0)
	c.done(err)
}
