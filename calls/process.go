// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// fork answers fork/0.
func (c *Calls) fork() {
	if err := c.p.MayFork(); err != 0 {
		c.error(err)
		return
	}
	c.forked(c.p.Fork(0))
}

// forked replies with the pid of a new child. The child itself has nothing to
// reply to.
func (c *Calls) forked(pid int32, err sys.Errno) {
	if pid == 0 && err == 0 {
		c.silent()
		return
	}
	c.counted(int(pid), err)
}

// exit answers exit/1, which has no reply.
func (c *Calls) exit() {
	status := c.args.Int()
	if c.refused() {
		return
	}
	c.silent()
	c.p.Exit(int(status))
}

// getpid answers getpid/0. The pid does not change while the process lives.
func (c *Calls) getpid() { c.reply.Int(int64(c.p.Pid)) }
