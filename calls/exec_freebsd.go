// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// environmentWanted is not: the system call takes a missing environment as an
// empty one.
const environmentWanted = false

func (c *Calls) tryFexecve() sys.Errno {
	x := &c.exec
	_, err := sys.Call(sys.SYS_FEXECVE, uintptr(x.fd), x.argv.address(), x.envp)
	return err
}
