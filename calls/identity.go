// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// getresuid answers getresuid/0, see getresuid(2).
func (c *Calls) getresuid() { c.threeIDs(sys.SYS_GETRESUID) }

// getresgid answers getresgid/0, see getresgid(2).
func (c *Calls) getresgid() { c.threeIDs(sys.SYS_GETRESGID) }

// threeIDs replies the real, effective and saved id.
func (c *Calls) threeIDs(trap uintptr) {
	ids := c.noIDs(3)
	_, err := sys.Call(trap, address(ids), address(ids[1:]), address(ids[2:]))
	if err == 0 && !areIDs(ids) {
		err = sys.ESKIPPED
	}
	if err != 0 {
		c.error(err)
		return
	}
	c.results(3)
	for _, id := range ids {
		c.reply.Uint(uint64(id))
	}
}

// getgroups answers getgroups/0, see getgroups(2). The last group comes first.
func (c *Calls) getgroups() {
	ids, err := c.groupsNow()
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	for i := len(ids) - 1; i >= 0; i-- {
		c.link()
		c.reply.Uint(uint64(ids[i]))
	}
	c.reply.Nil()
}

// groupsNow returns the groups of the process.
func (c *Calls) groupsNow() ([]uint32, sys.Errno) {
	n, err := sys.Call(sys.SYS_GETGROUPS, 0, 0, 0)
	if err != 0 || n == 0 {
		return nil, err
	}
	if n > maxGroups {
		return nil, sys.ESKIPPED
	}
	ids := c.noIDs(int(n))
	if n, err = sys.Call(sys.SYS_GETGROUPS, n, address(ids), 0); err != 0 {
		return nil, err
	}
	if n > uintptr(len(ids)) || !areIDs(ids[:n]) {
		return nil, sys.ESKIPPED
	}
	return ids[:n], 0
}

// maxGroups is how many groups a process can have.
const maxGroups = 1 << 16

// noID is no user and no group: what a system call leaves of it has not been
// made.
const noID = ^uint32(0)

// noIDs returns memory for n ids, filled with what is no id.
func (c *Calls) noIDs(n int) []uint32 {
	ids := c.mem.ids(n)
	for i := range ids {
		ids[i] = noID
	}
	return ids
}

func areIDs(ids []uint32) bool {
	for _, id := range ids {
		if id == noID {
			return false
		}
	}
	return true
}

// setgroups answers setgroups/1, see setgroups(2).
func (c *Calls) setgroups() {
	ids := c.groups()
	if c.refused() {
		return
	}
	_, err := sys.Call(sys.SYS_SETGROUPS, uintptr(len(ids)), address(ids), 0)
	c.done(err)
}

// groups reads a list of ids. What its tail is does not matter.
func (c *Calls) groups() []uint32 {
	if c.args.Kind() == etf.String {
		b := c.args.String()
		ids := c.mem.ids(len(b))
		for i, id := range b {
			ids[i] = uint32(id)
		}
		return ids
	}
	ids := c.mem.ids(c.args.List())
	for i := range ids {
		ids[i] = c.args.Uint()
	}
	if len(ids) > 0 {
		c.skipTail()
	}
	return ids
}
