package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
	"golang.org/x/sys/unix"
)

// seccomp answers seccomp/3, see seccomp(2).
func (c *Calls) seccomp() {
	operation := c.constant(seccompConstants[:])
	flags := c.constant(seccompConstants[:])
	arg, _ := c.optionalStruct(maxData)
	if c.refused() {
		return
	}
	switch operation {
	case unix.SECCOMP_SET_MODE_STRICT, unix.SECCOMP_SET_MODE_FILTER:
		c.p.Locking()
	}
	_, err := sys.Call(unix.SYS_SECCOMP, uintptr(operation), uintptr(flags), arg)
	c.done(err)
}

// optionalStruct reads a structure and returns its address and size. The empty
// list, and a structure without bytes, is a null pointer.
func (c *Calls) optionalStruct(max int) (addr uintptr, size int) {
	if c.args.Kind() == etf.Nil {
		c.args.Nil()
		return 0, 0
	}
	s := c.cstruct(max)
	if s.size == 0 {
		return 0, 0
	}
	return address(s.buf), s.size
}
