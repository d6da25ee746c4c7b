package calls

import (
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	n, err := sys.Call(sys.SYS_GETCWD, address(b), uintptr(len(b)), 0)
	switch {
	case err == sys.ENAMETOOLONG:
		c.error(sys.ERANGE)
	case err != 0:
		c.error(err)
	case b[0] != '/':
		// The kernel says "(unreachable)" where libc says this.
		c.error(sys.ENOENT)
	default:
		c.results(1)
		c.reply.Binary(b[:n-1])
	}
}

// names replies the names in a directory, as the elements of a list.
func (c *Calls) names(fd int) sys.Errno {
	c.mem.align(wordSize)
	b := c.mem.take(32 << 10)
	for {
		n, err := sys.Call(sys.SYS_GETDENTS64, uintptr(fd), address(b), uintptr(len(b)))
		if err == sys.ENOENT {
			return 0 // a directory that was removed has no entries
		}
		if err != 0 || n == 0 || c.reply.Full() {
			return err
		}
		for entries := b[:n]; len(entries) > 0; {
			e := (*syscall.Dirent)(unsafe.Pointer(&entries[0]))
			c.link()
			c.reply.Binary(cString(entries[unsafe.Offsetof(e.Name):e.Reclen]))
			entries = entries[e.Reclen:]
		}
	}
}
