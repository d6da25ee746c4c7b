package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	b[0] = 0
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

// getEntries is getdirentries(2).
func getEntries(fd int, b []byte) (int, sys.Errno) { return sys.Getdirentries(fd, b) }

// inUse reports whether a directory entry is one: it has a file number.
func inUse(entry []byte) bool { return *(*uint64)(unsafe.Pointer(&entry[direntFileno])) != 0 }
