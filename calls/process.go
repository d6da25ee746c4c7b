// SPDX-License-Identifier: ISC

package calls

// fork answers fork/0.
func (c *Calls) fork() {
	if err := c.p.MayFork(); err != 0 {
		c.error(err)
		return
	}
	c.forkInto(0)
}

// forkInto forks, into new namespaces when flags are not 0, and replies with the pid of
// the new child. The child itself has nothing to reply to.
func (c *Calls) forkInto(flags uintptr) {
	pid, replied, err := c.p.Fork(flags, c.replyToFork())
	if replied || pid == 0 && err == 0 {
		c.silent()
		return
	}
	c.restart()
	c.counted(int(pid), err)
}

// replyToFork returns a reply whose last four bytes are a pid. It returns nil in a batch,
// which is replied to as a whole.
func (c *Calls) replyToFork() []byte {
	if c.reply == &c.inner {
		return nil
	}
	const greatest = 1 << 22 // proc(5), pid_max
	c.counted(greatest, 0)
	return c.reply.Bytes()
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
