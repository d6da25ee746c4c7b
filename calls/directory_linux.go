package calls

import "github.com/alcove-go/alcove/port/sys"

// getcwd answers getcwd/0, see getcwd(3).
func (c *Calls) getcwd() {
	b := c.mem.take(maxPath + 1)
	b[0] = 0
	_, err := sys.Call(sys.SYS_GETCWD, address(b), uintptr(len(b)), 0)
	switch {
	case err == sys.ENAMETOOLONG:
		c.error(sys.ERANGE)
	case err != 0:
		c.error(err)
	case b[0] != '/' && b[0] != 0: // nothing is there when the call was skipped
		// The kernel says "(unreachable)" where libc says this.
		c.error(sys.ENOENT)
	default:
		c.results(1)
		c.reply.Binary(cString(b))
	}
}

// Offsets in struct linux_dirent64.
const (
	direntReclen = 16 // 16 bits
	direntName   = 19 // ends with a NUL
)

// getEntries is getdents64(2).
func getEntries(fd int, b []byte) (int, sys.Errno) { return sys.Getdents64(fd, b) }

// inUse reports whether a directory entry is one: all are here.
func inUse([]byte) bool { return true }
