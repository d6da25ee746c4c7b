// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// environ answers environ/0 with every entry as it is, in order.
func (c *Calls) environ() {
	for index := range c.env.count() {
		c.link()
		c.reply.Binary(c.env.entry(index))
	}
	c.reply.Nil()
}

// getenv answers getenv/1 with the value, or false.
func (c *Calls) getenv() {
	name := c.someName(maxString)
	if c.refused() {
		return
	}
	if value, ok := c.env.get(name); ok {
		c.reply.Binary(value)
	} else {
		c.flag(false)
	}
}

// setenv answers setenv/3, see setenv(3).
func (c *Calls) setenv() {
	name := c.someName(maxString)
	value := c.name(maxString)
	overwrite := c.args.Int() != 0
	if c.refused() {
		return
	}
	if !isName(name) {
		c.error(sys.EINVAL)
		return
	}
	if _, found := c.env.get(name); (!found || overwrite) && !c.env.set(name, value) {
		c.error(sys.ENOMEM)
		return
	}
	c.done(0)
}

// unsetenv answers unsetenv/1, see unsetenv(3).
func (c *Calls) unsetenv() {
	name := c.someName(maxString)
	if c.refused() {
		return
	}
	if !isName(name) {
		c.error(sys.EINVAL)
		return
	}
	c.env.unset(name)
	c.done(0)
}

// clearenv answers clearenv/0, see clearenv(3).
func (c *Calls) clearenv() {
	c.env.clear()
	c.done(0)
}

// isName reports whether name may be set: it is not empty and has no '='.
func isName(name []byte) bool {
	for _, ch := range name {
		if ch == '=' {
			return false
		}
	}
	return len(name) > 0
}
