// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// A child that runs this program reads ahead: it takes all that is in its
// input pipe, many frames at a time. What follows the frame of a call that
// execs, however, belongs to the new program. So the parent follows the frames
// that it writes to such a child. Behind one with an exec call it holds back
// the rest until the child tells that the exec failed, or is done (notice.go).
// The program that follows finds in its standard input exactly what was sent
// to it.
//
// A frame that fits only in part is not cut off: all that followed would be
// taken for its missing end. The rest stays in the queue until the child has
// read. What does not fit in the queue either is refused whole.
//
// A child that runs another program gets as much as its pipe takes, and the sender is
// told how much that was.

// queueSize is how much is kept for one child beside its pipe.
const queueSize = 64 << 10

// pending is data for one child, gathered for one write. It consists of contents of stdin
// frames, in the inbound buffer. Those for a child that runs this program are moved
// together. Those for another program stay where they are, in pieces, since the sender
// is told how much of each was taken.
type pending struct {
	to   *Child
	data []byte

	pieces pieces
	n      int            // pieces in use
	sizes  [maxPieces]int // of the pieces
	size   int            // of all pieces
}

// gatherBelow is the size below which data is moved together.
const gatherBelow = 16 << 10

// forward passes data to the child pid.
func (p *Process) forward(pid uint32, data []byte) {
	p.traceData(pid, data)
	c := p.ChildByPid(int32(pid))
	if !p.pending.joins(c, data) {
		p.feedPending()
	}
	switch {
	case c == nil:
		p.badpid(pid)
	case c.Stdin >= 0 && len(data) > 0 && c.LeftPort():
		p.feedProgram(c, data)
	case c.Stdin >= 0 && len(data) > 0:
		p.feedPort(c, data)
	case c.LeftPort():
		p.inputNone(c)
	}
}

// joins reports whether data for a child can be written together with what was gathered.
// If not, what was gathered is written first.
func (d *pending) joins(c *Child, data []byte) bool {
	switch {
	case c == nil || c != d.to || len(data) == 0:
		return false
	case c.LeftPort():
		return d.fits(len(data))
	}
	return len(data) < gatherBelow
}

// feedProgram gathers data for another program. The pipe may take a part of it.
func (p *Process) feedProgram(c *Child, data []byte) {
	d := &p.pending
	if c.queue != nil {
		// What was sent before this is not yet in the pipe, so that is full.
		p.inputFull(c, 0)
		return
	}
	d.to = c
	d.pieces[d.n], d.sizes[d.n] = iovec(data), len(data)
	d.n++
	d.size += len(data)
}

// fits reports whether a piece can be written together with those there are: when the
// write is atomic, or when none of the pieces would be. A pipe takes a small message
// whole or not at all, and what follows it must not change that.
func (d *pending) fits(size int) bool {
	return d.n < maxPieces && (d.size+size <= atomic || size > atomic && d.sizes[0] > atomic)
}

// feedPieces writes the pieces for a program. When the pipe is full, each of
// those left is tried by itself.
func (p *Process) feedPieces() {
	d := &p.pending
	for first, full := 0, false; first < d.n; {
		last := d.n
		if full {
			last = first + 1
		}
		k, err := sys.Writev(int(d.to.Stdin), d.pieces[first:last])
		switch err {
		case 0:
			done := d.pieces.advance(first, last, k)
			p.inputTaken(d, first, done)
			first = done
		case sys.EINTR:
		case sys.EAGAIN:
			if last == first+1 {
				p.inputFull(d.to, d.sizes[first]-int(d.pieces[first].Len))
				first++
			}
			full = true
		default: // the program closed its input; SIGPIPE tells
			for ; first < d.n && p.Options.StdinTaken; first++ {
				p.inputFails(d.to, err)
			}
			first = d.n
		}
	}
	d.to, d.n, d.size = nil, 0, 0
}

// feedPort gathers or queues data for a child that runs this program, whole or not at
// all.
func (p *Process) feedPort(c *Child, data []byte) {
	if c.queue != nil || c.gate == gateClosed {
		p.queueData(c, data, 0)
		return
	}
	n, closed := len(data), false
	if c.gate != gateless {
		n, closed = c.scan.through(data, p.calls)
	}
	p.gather(c, data[:n])
	if !closed {
		return
	}
	p.feedPending() // before the rest is queued behind it
	c.gate = gateClosed
	if n < len(data) {
		p.queueData(c, data[n:], n)
	}
}

// queueData holds data for later, whole or not at all. passed bytes of the same message
// have gone before it.
func (p *Process) queueData(c *Child, data []byte, passed int) {
	if c.queue == nil {
		c.queue, c.ready = p.take(), 0
	}
	if c.queue == nil || c.queue.len()+len(data) > queueSize {
		p.pipeFull(c.Pid, passed)
		return
	}
	c.queue.append(data)
}

// gather adds data to what is written at once.
func (p *Process) gather(c *Child, data []byte) {
	d := &p.pending
	if d.to == nil {
		d.to, d.data = c, data
		return
	}
	d.data = p.in.join(d.data, data)
}

// feedPending writes what was gathered. What the pipe does not take is queued.
func (p *Process) feedPending() {
	c, data := p.pending.to, p.pending.data
	if c == nil {
		return
	}
	if p.pending.n > 0 {
		p.feedPieces()
		return
	}
	p.pending.to, p.pending.data = nil, nil
	q := p.take() // before a part is written
	if q == nil {
		p.pipeFull(c.Pid, 0)
		return
	}
	for len(data) > 0 {
		n, err := sys.Write(int(c.Stdin), data)
		switch err {
		case 0:
			data = data[n:]
		case sys.EINTR:
		case sys.EAGAIN:
			q.append(data)
			c.queue, c.ready = q, len(data)
			p.pollStdin(c)
			return
		default:
			data = nil
		}
	}
	p.drop(&q)
}

// feedQueued writes from the queue what may be written.
func (p *Process) feedQueued(c *Child) {
	if c.queue == nil {
		p.inputReady(c)
		return
	}
	for c.queue != nil {
		p.scanQueue(c)
		q := c.queue
		if c.ready == 0 {
			break
		}
		n, err := sys.Write(int(c.stdinFD()), q.b[q.r:q.r+c.ready])
		switch err {
		case 0:
			q.r += n
			c.ready -= n
		case sys.EINTR:
		case sys.EAGAIN:
			p.pollStdin(c)
			return
		default:
			q.r, c.ready = q.w, 0
		}
		if q.len() == 0 {
			p.drop(&c.queue)
		}
	}
	p.forget(&c.outlet, streamStdin)
	if c.hungry && c.queue == nil && c.closing < 0 {
		p.pollStdin(c)
	}
	if c.queue == nil && c.closing >= 0 {
		sys.Close(int(c.closing))
		c.closing = -1
	}
}

// scanQueue finds how much of the queue may be written, if that is not known.
func (p *Process) scanQueue(c *Child) {
	switch {
	case c.ready > 0:
	case c.LeftPort() || c.gate == gateless:
		c.ready = c.queue.len()
	case c.gate == gateOpen:
		var closed bool
		c.ready, closed = c.scan.through(c.queue.bytes(), p.calls)
		if closed {
			c.gate = gateClosed
		}
	}
}

// openGate lets through what was held back behind an exec call.
func (p *Process) openGate(c *Child) {
	if c.gate == gateClosed {
		c.gate = gateOpen
	}
	if c.queue != nil {
		p.feedQueued(c)
	}
}
