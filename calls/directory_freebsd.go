package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	if _, err := sys.Call(sys.SYS___GETCWD, address(b), uintptr(len(b)), 0); err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Binary(cString(b))
}

// Offsets in struct dirent.
const (
	direntFileno = 0  // 64 bits
	direntReclen = 16 // 16 bits
	direntName   = 24 // ends with a NUL
)

// names replies the names in a directory, as the elements of a list. An entry
// without a file number is not in use.
func (c *Calls) names(fd int) sys.Errno {
	c.mem.align(wordSize)
	b := c.mem.take(32 << 10)
	for {
		n, err := sys.Getdirentries(fd, b)
		if err == sys.ENOENT {
			return 0 // a directory that was removed has no entries
		}
		if err != 0 || n == 0 || c.reply.Full() {
			return err
		}
		for entries := b[:n]; len(entries) > 0; {
			size := *(*uint16)(unsafe.Pointer(&entries[direntReclen]))
			if *(*uint64)(unsafe.Pointer(&entries[direntFileno])) != 0 {
				c.link()
				c.reply.Binary(cString(entries[direntName:size]))
			}
			entries = entries[size:]
		}
	}
}
