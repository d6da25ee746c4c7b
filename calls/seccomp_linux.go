// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// seccomp answers seccomp/3, see seccomp(2).
func (c *Calls) seccomp() {
	operation := c.constant(seccompConstants)
	flags := c.constant(seccompConstants)
	arg, _ := c.optionalStruct(maxData)
	if c.refused() {
		return
	}
	switch operation {
	case sys.SECCOMP_SET_MODE_STRICT, sys.SECCOMP_SET_MODE_FILTER:
		c.p.Locking()
	}
	_, err := sys.Call(sys.SYS_SECCOMP, uintptr(operation), uintptr(flags), arg)
	c.done(err)
}
