package calls

import "github.com/alcove-go/alcove/port/sys"

// readdir answers readdir/1 with all names in the order of the kernel, see
// readdir(3).
func (c *Calls) readdir() {
	path := c.path()
	if c.refused() {
		return
	}
	c.p.Flush()
	const flags = sys.O_RDONLY | sys.O_NONBLOCK | sys.O_DIRECTORY | sys.O_CLOEXEC
	fd, err := sys.Openat(sys.AT_FDCWD, &path[0], flags, 0)
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	err = c.names(fd)
	sys.Close(fd)
	if err != 0 {
		c.error(err)
		return
	}
	c.reply.Nil()
}
