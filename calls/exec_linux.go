// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// environmentWanted is what glibc makes of a missing environment.
const environmentWanted = true

func (c *Calls) tryFexecve() sys.Errno {
	x := &c.exec
	const emptyPath = "\x00"
	_, err := sys.Call6(sys.SYS_EXECVEAT, uintptr(x.fd), stringAddress(emptyPath),
		x.argv.address(), x.envp, sys.AT_EMPTY_PATH, 0)
	return err
}
