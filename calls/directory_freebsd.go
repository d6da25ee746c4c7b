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

func readDirents(fd int, b []byte) (int, sys.Errno) {
	n, err := sys.Getdirentries(fd, b)
	return min(n, len(b)), err
}

// entries replies the names of directory entries, as elements of a list. An entry
// without a file number is not in use. It reports false for what the kernel cannot
// have written.
func (c *Calls) entries(b []byte) bool {
	for len(b) > 0 {
		if len(b) <= direntName {
			return false
		}
		size := int(*(*uint16)(unsafe.Pointer(&b[direntReclen])))
		if size <= direntName || size > len(b) {
			return false
		}
		if *(*uint64)(unsafe.Pointer(&b[direntFileno])) != 0 {
			c.link()
			c.reply.Binary(cString(b[direntName:size]))
		}
		b = b[size:]
	}
	return true
}
