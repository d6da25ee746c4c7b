package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// Values of Child.Control besides a descriptor.
const (
	closedControl = -2 // end of file: the child has exec'ed or ended
	lostControl   = -1 // something else than a notice came, or reading failed
)

// Child is what a process knows of one of its children, from the fork until it
// is reaped. The descriptors are this process's own numbers; -1 when closed.
type Child struct {
	outlet
	SignalOnEOF int32
	Control     int32
	Stdin       int32

	waited bool // by waitpid: not listed, not addressed, its end not reported

	// The way in (feed.go).
	gate    gate
	scan    scanner
	queue   *buffer
	ready   int   // bytes at the front of queue that may be written now
	closing int32 // standard input, closed by a call while queue held data; else -1
	hungry  bool  // its input did not take all: report when there is room

	// Notices (control.go).
	announced uint64 // bytes that were frames at its last notice
	execing   bool   // the last notice was that of an exec
}

// outlet is the way out of a process: its standard output and error (stream.go).
// It outlives the process where others hold these (leftover.go).
type outlet struct {
	Pid         int32
	FlowControl int32 // pieces of output that may still be read, -1 without limit
	FlowBytes   int32 // and bytes
	Stdout      int32
	Stderr      int32

	slot      int32   // in the table of children, or of leftovers
	ended     bool    // the process is reaped: this is a leftover
	port      bool    // it may run this program: fdctl_closed has not been sent
	raw       bool    // its standard output is that of another program
	lifted    bool    // output does not have to wait for credit
	grown     bool    // its standard output has a larger pipe (bulk.go)
	held      *buffer // part of a frame, or raw output that was read along with frames
	forwarded uint64  // bytes of its standard output passed on as frames
}

// children is the table of children. Slots are reused from the lowest.
type children struct {
	slots   []Child // those in use have a pid
	live    int     // slots in use
	waited  bool    // some were waited for by the present call
	changed bool    // sweep has something to do
	compact bool    // and is to leave no free slots
}

// reset empties the table without touching its memory, which a forked child
// shares with its parent as long as neither writes to it.
func (t *children) reset() {
	t.slots = t.slots[:0]
	t.live, t.waited, t.changed, t.compact = 0, false, false, false
}

// room makes room for one more child.
func (t *children) room() bool {
	slots, ok := sys.Grow(t.slots, len(t.slots)+1)
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
	t.slots[i] = Child{outlet: outlet{Pid: pid, slot: int32(i), port: true}, closing: -1}
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

// sweep does what a call has left for later, and takes free slots away.
func (p *Process) sweep() {
	t := &p.table
	if !t.changed {
		return
	}
	t.changed = false
	for i := range t.slots {
		if c := &t.slots[i]; c.raw {
			p.deliverHeld(&c.outlet)
		}
	}
	if t.compact {
		p.closeRanks()
	}
	n := len(t.slots)
	for n > 0 && t.slots[n-1].Pid == 0 {
		n--
	}
	t.slots = t.slots[:n]
	p.poll.trim(n)
	p.sweepLeftovers(t.compact)
	t.compact = false
}

// closeRanks moves children to the lowest slots, in their order.
func (p *Process) closeRanks() {
	t, n := &p.table, 0
	for i := range t.slots {
		c := &t.slots[i]
		if c.Pid == 0 {
			continue
		}
		if i != n {
			p.poll.move(placeChildren+i*streams, placeChildren+n*streams, streams)
			t.slots[n], *c = *c, Child{}
			t.slots[n].slot = int32(n)
		}
		n++
	}
}

// SetMaxChild sets how many children the process may have, 0 to 65535, and
// tells whether it did: it refuses what the limit on open files does not
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

// MayLimitFiles tells whether RLIMIT_NOFILE may be set to soft: every
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
// high slots move to lower ones: what poll(2) is given has an entry for every
// slot, and must not be longer than the limit on open files.
func (p *Process) shrink(n int32) {
	p.table.compact = n < p.Options.MaxChild
	p.table.changed = p.table.changed || p.table.compact
	p.Options.MaxChild = n
}

// filesFor is what n children need: six descriptors each, four of them in use
// and two on the way while one is forked, and the six fixed ones.
func filesFor(n int32) uint64 { return 6*uint64(n) + 6 }

func childrenWithin(soft uint64) int32 {
	if soft < 6 {
		return 0
	}
	return int32(min((soft-6)/6, 0xffff))
}

// descriptorAbove tells whether a descriptor of a child is greater than soft,
// of which the low 32 bits count, as a signed number: clients know the answer
// for an infinite limit.
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

// buffer holds bytes [r, w) of b.
type buffer struct {
	b    []byte
	r, w int
	next *buffer // in the list of unused ones
}

// Room for what a large pipe delivers at once.
const bufferSize = burst * maxFrame

func (b *buffer) bytes() []byte { return b.b[b.r:b.w] }
func (b *buffer) len() int      { return b.w - b.r }

// pack moves the contents to the front.
func (b *buffer) pack() {
	if b.r > 0 {
		b.w = copy(b.b, b.bytes())
		b.r = 0
	}
}

func (b *buffer) append(data []byte) {
	if len(b.b)-b.w < len(data) {
		b.pack()
	}
	b.w += copy(b.b[b.w:], data)
}

// take returns an empty buffer, nil when there is no memory for one. There is
// one to start with; more are made when several children have unfinished
// frames at once, and kept.
func (p *Process) take() *buffer {
	b := p.spare
	if b == nil && p.locked {
		return nil
	}
	if b == nil {
		return newBuffer()
	}
	p.spare, b.next = b.next, nil
	b.r, b.w = 0, 0
	return b
}

// hold makes the outlet have a buffer. Without memory for one it reports false:
// the process has to wait until another buffer is dropped. One that has ended
// does not, and has done with its buffer at once.
func (p *Process) hold(o *outlet) bool {
	if o.held == nil {
		o.held = p.take()
	}
	if o.held == nil && o.lifted {
		p.last.r, p.last.w = 0, 0
		o.held = p.last
	}
	p.starved = p.starved || o.held == nil
	return o.held != nil
}

func newBuffer() *buffer {
	const header = unsafe.Sizeof(buffer{})
	mem, ok := sys.Grow([]byte(nil), int(header)+bufferSize)
	if !ok {
		return nil
	}
	b := (*buffer)(unsafe.Pointer(unsafe.SliceData(mem)))
	b.b = mem[header:cap(mem)]
	return b
}

// drop gives *b back, if there is one. Children that could not be read for want
// of it are read again.
func (p *Process) drop(b **buffer) {
	if *b == nil {
		return
	}
	if *b == p.last {
		*b = nil
		return
	}
	(*b).next, p.spare = p.spare, *b
	*b = nil
	if p.starved {
		p.starved = false
		for i := range p.table.slots {
			if c := &p.table.slots[i]; c.Pid != 0 {
				p.watchControl(c)
				p.watchOutput(&c.outlet)
			}
		}
	}
}
