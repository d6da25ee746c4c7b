// SPDX-License-Identifier: ISC

package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// An execution is what an exec call asks for. The attempt itself is made by
// package port at the right moment, so its arguments wait here.
type execution struct {
	fd   int
	file []byte // followed by a NUL
	argv argv
	envp uintptr
}

// execve answers execve/3. It replies only when it fails, like the other two.
func (c *Calls) execve() {
	c.exec.file = c.path()
	c.exec.argv = c.argv()
	c.exec.envp = c.argv().address()
	if c.refused() {
		return
	}
	c.error(c.p.Exec(c.tryExecve))
}

// execvp answers execvp/2: execve with the environment of the process, and a
// search for the file as in execvp(3).
func (c *Calls) execvp() {
	c.exec.file = c.path()
	c.exec.argv = c.argv()
	if c.refused() {
		return
	}
	c.exec.envp = c.env.address()
	switch {
	case len(c.exec.file) == 0:
		c.error(sys.ENOENT)
	case !hasSlash(c.exec.file) && len(c.exec.file) > maxName:
		c.error(sys.ENAMETOOLONG)
	default:
		c.error(c.p.Exec(c.tryExecvp))
	}
}

// fexecve answers fexecve/3. Like fexecve(3) of the system it wants arguments, and
// maybe an environment.
func (c *Calls) fexecve() {
	c.exec.fd = int(c.args.Int())
	c.exec.argv = c.argv()
	c.exec.envp = c.argv().address()
	if c.refused() {
		return
	}
	if c.exec.fd < 0 || c.exec.argv.null || c.exec.envp == 0 && environmentWanted {
		c.error(sys.EINVAL)
		return
	}
	c.error(c.p.Exec(c.tryFexecve))
}

func (c *Calls) tryExecve() sys.Errno {
	x := &c.exec
	return execve(x.file, x.argv.address(), x.envp)
}

// execve makes execve(2). file is followed by a NUL.
func execve(file []byte, argv, envp uintptr) sys.Errno {
	_, err := sys.Call(sys.SYS_EXECVE, address(file), argv, envp)
	return err
}

// stringAddress returns the address of a constant, which must end with a NUL.
func stringAddress(s string) uintptr { return uintptr(unsafe.Pointer(unsafe.StringData(s))) }
