// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// watch answers watch/2: one event will be sent when the descriptor is ready.
func (c *Calls) watch() {
	fd := c.args.Int()
	events := c.readiness()
	if c.refused() {
		return
	}
	c.done(c.p.Watch(fd, events))
}

// readiness reads a list of what to wait for.
func (c *Calls) readiness() (events int16) {
	if c.args.Kind() == etf.Nil {
		c.args.Nil()
		return 0
	}
	for n := c.args.List(); n > 0 && c.args.OK(); n-- {
		switch string(c.word()) {
		case "readable":
			events |= sys.POLLIN
		case "writable":
			events |= sys.POLLOUT
		default:
			c.refuse(invalid)
		}
	}
	c.args.Nil()
	return events
}
