// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// What a child that goes on in this program cannot share with its parent, or
// do without. The kernel would grant some of it, to the ruin of both.
const notForkLike = sys.CLONE_VM | sys.CLONE_THREAD | sys.CLONE_SIGHAND | // memory
	sys.CLONE_SETTLS | // thread storage: there is no other
	sys.CLONE_FILES | // descriptors: the child puts its own on 0 to 5
	sys.CLONE_VFORK | // the parent would wait for a child that waits for it
	sys.CLONE_PARENT | // the child would be somebody else's
	sys.CSIGNAL&^(sys.CLONE_NEWTIME|childSignal) // another signal at its end

// childSignal is what tells that a child has ended.
const childSignal = int32(sys.SIGCHLD)

// clone answers clone/1: a fork into new namespaces, see clone(2). Whether
// there may be one more child is judged before the argument.
func (c *Calls) clone() {
	if err := c.p.MayFork(); err != 0 {
		c.error(err)
		return
	}
	flags := c.flags(cloneConstants)
	if c.refused() {
		return
	}
	if flags&notForkLike != 0 {
		c.error(sys.EINVAL)
		return
	}
	c.forkInto(uintptr(uint32(flags &^ childSignal)))
}
