// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// maxAddress is the size of struct sockaddr_storage.
const maxAddress = 128

// connect answers connect/2, see connect(2). The address is a structure.
func (c *Calls) connect() {
	fd := c.args.Int()
	addr, size := c.optionalStruct(maxAddress)
	if c.refused() {
		return
	}
	c.p.Flush()
	_, err := signal.Interruptible(sys.SYS_CONNECT, uintptr(fd), addr, uintptr(size), 0, 0, 0)
	c.done(err)
}
