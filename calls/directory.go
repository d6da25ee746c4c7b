// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// direntsSize is how much a directory is read at a time. What entries of that size
// become in a reply is smaller, and fits at every depth.
const direntsSize = 32 << 10

// readdir answers readdir/1 with all names in the order of the kernel, see
// readdir(3).
func (c *Calls) readdir() {
	path := c.path()
	if c.refused() {
		return
	}
	c.p.Flush()
	const flags = sys.O_RDONLY | sys.O_NONBLOCK | sys.O_DIRECTORY | sys.O_CLOEXEC
	fd, err := sys.Openat(sys.AT_FDCWD, &path[:1][0], flags, 0)
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	err = c.names(fd)
	if !c.notOpened(fd, err) {
		sys.Close(fd)
	}
	if err != 0 {
		c.error(err)
		return
	}
	c.reply.Nil()
}

// notOpened reports whether the number that open(2) gave is that of another
// descriptor, since a filter had the kernel skip the call. err is how reading
// it ended.
func (c *Calls) notOpened(fd int, err sys.Errno) bool {
	switch err {
	case sys.EBADF, sys.ENOTDIR:
		return true
	case sys.ESKIPPED:
		return c.p.OwnsDescriptor(fd)
	}
	return false
}

// names replies the names in a directory, as the elements of a list.
func (c *Calls) names(fd int) sys.Errno {
	b := c.dirents()
	for first := true; ; first = false {
		n, err := readDirents(fd, b)
		if err == sys.ENOENT {
			return 0 // a directory that was removed has no entries
		}
		if first && n == 0 && err == 0 && c.p.Locked() {
			return sys.ESKIPPED // a directory has at least itself and its parent
		}
		if err != 0 || n == 0 || c.reply.Full() {
			return err
		}
		if !c.entries(b[:n]) {
			return sys.ESKIPPED
		}
	}
}

// readDirents reads directory entries, and fails for a result that the kernel does not give.
func readDirents(fd int, b []byte) (int, sys.Errno) {
	n, err := sys.Getdents(fd, b)
	if err == 0 && (n < 0 || n > len(b)) {
		return 0, sys.ESKIPPED
	}
	return n, err
}

// dirents returns memory to read a directory into. The room of the first entry is
// cleared: where a filter has the kernel skip the system call, an older entry
// would be taken for one of this directory.
func (c *Calls) dirents() []byte {
	c.mem.align(wordSize)
	b := c.mem.take(direntsSize)
	clear(b[:sys.DirentName])
	return b
}

// getdents answers getdents/1 with the next names in an open directory, which has
// no more when there are none. It is readdir for directories of any size.
func (c *Calls) getdents() {
	fd := c.args.Int()
	if c.refused() {
		return
	}
	c.p.Flush()
	b := c.dirents()
	n, err := readDirents(int(fd), b)
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	if !c.entries(b[:n]) {
		c.error(sys.ESKIPPED)
		return
	}
	c.reply.Nil()
}

// entries replies the names of directory entries, as elements of a list. It
// reports false for what the kernel cannot have written.
func (c *Calls) entries(b []byte) bool {
	for len(b) > 0 {
		name, rest, ok := sys.NextDirent(b)
		if !ok {
			return false
		}
		if name != nil {
			c.link()
			c.reply.Binary(name)
		}
		b = rest
	}
	return true
}
