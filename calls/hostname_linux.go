// SPDX-License-Identifier: ISC

package calls

import (
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

const maxHostname = 63

// gethostname answers gethostname/0 with the node name of uname(2).
func (c *Calls) gethostname() {
	var u syscall.Utsname // of signed bytes on some architectures
	if _, err := sys.Call(sys.SYS_UNAME, uintptr(unsafe.Pointer(&u)), 0, 0); err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Binary(sys.CString(unsafe.Slice((*byte)(unsafe.Pointer(&u.Nodename)), len(u.Nodename))))
}

// sethostname answers sethostname/1, see sethostname(2).
func (c *Calls) sethostname() {
	name := c.someName(maxHostname)
	if c.refused() {
		return
	}
	_, err := sys.Call(sys.SYS_SETHOSTNAME, address(name), uintptr(len(name)), 0)
	c.done(err)
}
