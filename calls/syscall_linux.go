// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// maxLevels is how deep structures point to structures: a msghdr points to an
// iovec, which points to memory.
const maxLevels = 3

// A trap is a system call that was asked for.
type trap struct {
	name string
	a    [6]uintptr
	n    int // arguments
}

// syscall answers syscall/2 with {ok, Result, After}: it makes a system call with up
// to six arguments, which are numbers or memory, and replies the arguments as they
// are after it. What would change the process behind its own back is refused with
// einval, see harms.
func (c *Calls) syscall() {
	nr, t := c.trap()
	t.n = c.args.Tuple()
	if t.n > len(t.a) {
		c.refuse(invalid)
	}
	for i := 0; i < t.n && c.args.OK(); i++ {
		c.trapArgument(&c.ptrs[i])
		t.a[i] = c.ptrs[i].value
	}
	if c.args.OK() && c.harms(&t) {
		c.refuse(sys.EINVAL)
	}
	if c.refused() {
		return
	}
	if c.filters(&t) {
		c.p.Locking()
	}
	c.p.Flush()
	r, err := signal.Interruptible(nr, t.a[0], t.a[1], t.a[2], t.a[3], t.a[4], t.a[5])
	if err != 0 {
		c.error(err)
		return
	}
	if t.changesUser() {
		c.p.IdentityChanged()
	}
	c.results(2)
	c.reply.Int(int64(int(r)))
	c.reply.Tuple(t.n)
	for i := range t.n {
		c.trapped(&c.ptrs[i])
	}
}

// changesUser reports whether the system call may give the process another user.
func (t *trap) changesUser() bool {
	switch t.name {
	case "setuid", "setreuid", "setresuid", "setuid32", "setreuid32", "setresuid32":
		return true
	}
	return false
}

// trap reads the name or the number of a system call. A number that has no name
// here is refused: nobody knows what it does to the process. So are the numbers of
// other ABIs, such as x32.
func (c *Calls) trap() (nr uintptr, t trap) {
	var v int64
	if c.args.Kind() == etf.Atom {
		v = c.named(syscallConstants)
	} else {
		v = c.args.Int64()
	}
	const prefix = "sys_"
	for i := range syscallConstants {
		k := &syscallConstants[i]
		if k.value == v && len(k.name) > len(prefix) && k.name[:len(prefix)] == prefix {
			t.name = k.name[len(prefix):]
			break
		}
	}
	if t.name == "" {
		c.refuse(sys.EINVAL)
	}
	return uintptr(v), t
}

// trapArgument reads a number of the size of a register, a name, or a list of names
// or numbers for all their bits. [] is 0. Memory is a binary with its first bytes,
// or a structure.
func (c *Calls) trapArgument(r *ptrArg) {
	r.kind = ptrNumber
	switch c.args.Kind() {
	case etf.Int, etf.SmallBig, etf.LargeBig, etf.Atom:
		r.value = c.register()
	case etf.Nil:
		c.args.Nil()
		r.value = 0
	case etf.List:
		if first := c.firstElement(); first == etf.Atom || first == etf.Int {
			r.value = c.registers()
			return
		}
		r.kind = ptrStruct
		r.s = c.nested(maxData, maxLevels)
		r.value = address(r.s.buf)
	default:
		c.memory(r)
	}
}

func (c *Calls) firstElement() etf.Kind {
	d := c.args
	d.List()
	return d.Kind()
}

// registers reads a list of names and numbers and returns all their bits.
func (c *Calls) registers() (v uintptr) {
	for n := c.args.List(); n > 0 && c.args.OK(); n-- {
		v |= c.register()
	}
	c.args.Nil()
	return v
}

// register reads a number, with or without a sign, or a name. What does not fit in a
// register of the machine is refused: where those have 32 bits, a number of 64 takes
// two arguments, in the order that the manual page of the system call says.
func (c *Calls) register() uintptr {
	if c.args.Kind() == etf.Atom {
		return uintptr(c.anyName())
	}
	d := c.args
	if v := d.Int64(); d.OK() {
		c.args = d
		if int64(int(v)) != v && int64(uint(v)) != v {
			c.refuse(sys.EINVAL)
		}
		return uintptr(v)
	}
	v := c.args.Uint64()
	if uint64(uint(v)) != v {
		c.refuse(sys.EINVAL)
	}
	return uintptr(v)
}

// anyName reads a name of any table.
func (c *Calls) anyName() int64 {
	name := c.word()
	for _, names := range [...][]constant{
		fileConstants, otherConstants, cloneConstants, mountConstants, fcntlConstants, prctlConstants,
		seccompConstants, socketConstants, signalConstants, waitConstants, rlimitConstants, prioConstants,
		ptraceConstants, ioctlConstants, syscallConstants,
	} {
		if v, ok := find(names, name); ok {
			return v
		}
	}
	c.refuse(sys.ENOTSUP)
	return 0
}

// trapped replies an argument as it is after the call.
func (c *Calls) trapped(r *ptrArg) {
	if r.kind == ptrNumber {
		c.reply.Int(int64(int(r.value)))
		return
	}
	c.after(r)
}

// filters reports whether a system call may install a seccomp filter.
func (c *Calls) filters(t *trap) bool {
	switch t.name {
	case "seccomp":
		return t.a[0] == sys.SECCOMP_SET_MODE_STRICT || t.a[0] == sys.SECCOMP_SET_MODE_FILTER
	case "prctl":
		return t.a[0] == sys.PR_SET_SECCOMP
	}
	return false
}
