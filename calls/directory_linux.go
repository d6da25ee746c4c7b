package calls

import (
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

// Offsets in struct linux_dirent64.
const (
	direntReclen = 16 // 16 bits
	direntName   = 19 // ends with a NUL
)

func readDirents(fd int, b []byte) (int, sys.Errno) {
	n, err := sys.Call(sys.SYS_GETDENTS64, uintptr(fd), address(b), uintptr(len(b)))
	return min(int(n), len(b)), err
}

// entries replies the names of directory entries, as elements of a list. It reports
// false for what the kernel cannot have written.
func (c *Calls) entries(b []byte) bool {
	for len(b) > 0 {
		if len(b) <= direntName {
			return false
		}
		size := int(*(*uint16)(unsafe.Pointer(&b[direntReclen])))
		if size <= direntName || size > len(b) {
			return false
		}
		c.link()
		c.reply.Binary(cString(b[direntName:size]))
		b = b[size:]
	}
	return true
}
