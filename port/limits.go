// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// SetMaxChild sets how many children the process may have, 0 to 65535, and
// reports whether it did. It refuses what the limit on open files does not
// allow, and less than the children that there are.
func (p *Process) SetMaxChild(n int32) bool {
	n = min(n, 0xffff)
	var limit sys.Rlimit
	if sys.Getrlimit(sys.RLIMIT_NOFILE, &limit) != 0 || p.descriptorAbove(limit.Cur) {
		return false
	}
	if p.table.live > int(n) || filesFor(n) > limit.Cur {
		return false
	}
	p.shrink(n)
	return true
}

// MayLimitFiles reports whether RLIMIT_NOFILE may be set to soft: every
// descriptor of a child, and those of the process, must stay within it.
func (p *Process) MayLimitFiles(soft uint64) bool {
	return !p.descriptorAbove(soft) && filesFor(int32(p.table.live))+uint64(placeInput-p.poll.first) <= soft
}

// FilesLimited lowers the number of children to what RLIMIT_NOFILE, now soft,
// allows.
func (p *Process) FilesLimited(soft uint64) {
	p.shrink(min(p.Options.MaxChild, childrenWithin(soft)))
}

// shrink sets the number of children. When it is less than before, children in
// high slots move to lower ones. What poll(2) is given has an entry for every
// slot, and must not be longer than the limit on open files.
func (p *Process) shrink(n int32) {
	p.table.compact = n < p.Options.MaxChild
	p.table.changed = p.table.changed || p.table.compact
	p.Options.MaxChild = n
}

// filesFor returns how many descriptors n children need: six each, four of them in use
// and two on the way while one is forked, and the six fixed ones.
func filesFor(n int32) uint64 { return 6*uint64(n) + 6 }

func childrenWithin(soft uint64) int32 {
	if soft < 6 {
		return 0
	}
	return int32(min((soft-6)/6, 0xffff))
}

// descriptorAbove reports whether a descriptor of a child is greater than soft. Only the
// low 32 bits of soft count, as a signed number: clients know the answer for an infinite
// limit.
func (p *Process) descriptorAbove(soft uint64) bool {
	limit := int32(soft)
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid != 0 && max(c.Control, c.Stdin, c.Stdout, c.Stderr) > limit {
			return true
		}
	}
	return false
}

// MayFork returns EAGAIN when the process is too deep in the tree or has as
// many children as it may have.
func (p *Process) MayFork() sys.Errno {
	if p.Depth >= int(p.Options.MaxForkDepth) || p.table.live >= int(p.Options.MaxChild) {
		return sys.EAGAIN
	}
	return 0
}

const defaultMaxChild = 64

// openFiles returns the soft limit on open files.
func openFiles() uint64 {
	var limit sys.Rlimit
	check(sys.Getrlimit(sys.RLIMIT_NOFILE, &limit))
	return limit.Cur
}
