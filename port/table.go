// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// children is the table of children. Slots are reused from the lowest.
type children struct {
	slots   []Child // those in use have a pid
	live    int     // slots in use
	waited  bool    // some were waited for by the present call
	changed bool    // sweep has something to do
	compact bool    // sweep also moves children to the lowest slots
}

// reset makes the table empty, in other memory.
func (t *children) reset(slots []Child) {
	t.slots = slots
	t.live, t.waited, t.changed, t.compact = 0, false, false, false
}

// room makes room for one more child, in the memory for many first.
func (t *children) room(many []Child) bool {
	slots, ok := sys.GrowInto(many, t.slots, len(t.slots)+1)
	t.slots = slots
	return ok
}

// add puts a new child in the first free slot. There must be room.
func (t *children) add(pid int32) *Child {
	i := 0
	for i < len(t.slots) && t.slots[i].Pid != 0 {
		i++
	}
	if i == len(t.slots) {
		t.slots = t.slots[:i+1]
	}
	t.slots[i] = Child{outlet: outlet{Pid: pid, slot: int32(i)}, inlet: inlet{closing: -1}}
	t.live++
	return &t.slots[i]
}

// find returns the first child with that pid that has not been waited for.
func (t *children) find(pid int32) *Child {
	for i := range t.slots {
		if c := &t.slots[i]; c.Pid == pid && !c.waited {
			return c
		}
	}
	return nil
}

// Slots returns the number of slots to look at with Slot.
func (p *Process) Slots() int { return len(p.table.slots) }

// Slot returns the child in slot i, nil if there is none to be listed.
func (p *Process) Slot(i int) *Child {
	if c := &p.table.slots[i]; c.Pid != 0 && !c.waited {
		return c
	}
	return nil
}

// ChildByPid returns the first child with that pid in slot order, nil if there
// is none.
func (p *Process) ChildByPid(pid int32) *Child {
	if pid <= 0 {
		return nil
	}
	return p.table.find(pid)
}

// remove takes a child out of the table. All its streams must be closed or
// somebody else's.
func (p *Process) remove(c *Child) {
	*c = Child{}
	p.table.live--
	p.table.changed = true
}

// outletOf returns the way out of the child pid or of its leftover, nil if there
// is neither. There are never both.
func (p *Process) outletOf(pid int32) *outlet {
	if c := p.ChildByPid(pid); c != nil {
		return &c.outlet
	}
	if l := p.leftovers.find(pid); l != nil {
		return &l.outlet
	}
	return nil
}

// A child that has ended leaves the table, but a process that it left in the background
// may hold its standard output and error. These streams go on as a leftover: what comes
// is delivered under the pid of the child, and takes from the credit that was left.
//
// Leftovers do not count as children. There are at most as many as children may
// be; the oldest is closed to make room, for another or for the descriptors of a
// new child. Before a child gets a pid that was used before, the leftover of that
// pid is closed: nothing is delivered in another's name.
type leftover struct {
	outlet
	age uint64 // that of a younger one is greater
}

// leftovers is the table of leftovers. Slots are reused from the lowest.
type leftovers struct {
	slots []leftover // those in use have a pid
	live  int        // slots in use
	age   uint64     // of the youngest
}

func (t *leftovers) reset(slots []leftover) { t.slots, t.live = slots, 0 }

// room gets the memory for n leftovers.
func (t *leftovers) room(many []leftover, n int) bool {
	slots, ok := sys.GrowInto(many, t.slots, n)
	t.slots = slots
	return ok
}

// find returns the leftover of pid, nil if there is none.
func (t *leftovers) find(pid int32) *leftover {
	if pid <= 0 {
		return nil
	}
	for i := range t.slots {
		if l := &t.slots[i]; l.Pid == pid {
			return l
		}
	}
	return nil
}

// oldest returns the leftover that has been there for the longest time, nil if
// there is none.
func (t *leftovers) oldest() (oldest *leftover) {
	for i := range t.slots {
		if l := &t.slots[i]; l.Pid != 0 && (oldest == nil || l.age < oldest.age) {
			oldest = l
		}
	}
	return oldest
}

// vacant returns the lowest free slot. There must be memory for it.
func (t *leftovers) vacant() int {
	i := 0
	for i < len(t.slots) && t.slots[i].Pid != 0 {
		i++
	}
	if i == len(t.slots) {
		t.slots = t.slots[:i+1]
	}
	return i
}

func (t *leftovers) free(slot int) {
	t.slots[slot].Pid = 0
	t.live--
}

// use reports whether a descriptor from first to last is that of a leftover.
func (t *leftovers) use(first, last uint32) bool {
	for i := range t.slots {
		l := &t.slots[i]
		for stream := streamStdout; l.Pid != 0 && stream <= streamStderr; stream++ {
			if fd := *l.descriptor(stream); fd >= 0 && first <= uint32(fd) && uint32(fd) <= last {
				return true
			}
		}
	}
	return false
}
