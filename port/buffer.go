// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// buffer holds bytes [r, w) of b.
type buffer struct {
	b    []byte
	r, w int
	next *buffer // in the list of unused ones
}

// Room for what a large pipe delivers at once.
const bufferSize = burst * maxFrame

func (b *buffer) bytes() []byte { return b.b[b.r:b.w] }

func (b *buffer) len() int { return b.w - b.r }

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
	b := p.unused
	if b == nil && p.locked {
		return nil
	}
	if b == nil {
		return newBuffer()
	}
	p.unused, b.next = b.next, nil
	b.r, b.w = 0, 0
	return b
}

// bufferFor gives the outlet a buffer, if it has none. Without memory for one it reports
// false: the child has to wait until another buffer is dropped. A child that has ended
// does not wait: it gets the last buffer, which it needs only for a moment.
func (p *Process) bufferFor(o *outlet) bool {
	if o.ahead == nil {
		o.ahead = p.take()
	}
	if o.ahead == nil && o.lifted {
		p.last.r, p.last.w = 0, 0
		o.ahead = p.last
	}
	p.starved = p.starved || o.ahead == nil
	return o.ahead != nil
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
// of it are read again after this round (sweep).
func (p *Process) drop(b **buffer) {
	if *b == nil {
		return
	}
	if *b == p.last {
		*b = nil
		return
	}
	(*b).next, p.unused = p.unused, *b
	*b = nil
	p.table.changed = p.table.changed || p.starved
}
