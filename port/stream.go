package port

import "github.com/alcove-go/alcove/port/sys"

// drainLimit bounds what is read from a stream before the end of a child is
// reported: more than a pipe holds, so that nothing which was written by then
// comes later, but not all that a process it left behind may go on writing.
const drainLimit = 1 << 20

// readStdout reads standard output and returns how many bytes came.
func (p *Process) readStdout(c *Child) int {
	switch {
	case c.Stdout < 0:
		return 0
	case c.raw:
		return p.readRaw(c, streamStdout, c.Stdout, typeStdout)
	}
	return p.readFrames(c)
}

func (p *Process) readStderr(c *Child) int {
	if c.Stderr < 0 {
		return 0
	}
	return p.readRaw(c, streamStderr, c.Stderr, typeStderr)
}

// readRaw passes on a piece of output, and more if there is much.
func (p *Process) readRaw(c *Child, stream int, fd int32, typ int) (total int) {
	if c.paused() {
		if p.hangUp(c, stream, fd) {
			p.streamEnded(c, stream)
		}
		return 0
	}
	for range burst {
		b := p.reserve(proxySize + p.ReplyLimit())
		n := p.readStream(c, stream, fd, b[proxySize:])
		if n == 0 {
			break
		}
		putHeader(b, proxySize-lengthSize+n, typ, uint32(c.Pid))
		p.traceFrame(0, b[:proxySize+n])
		p.out.commit(proxySize + n)
		p.spend(c)
		total += n
		if n < p.ReplyLimit() || c.paused() {
			break
		}
		p.growPipe(c)
	}
	return total
}

// readStream reads what is there, and closes the stream at its end.
func (p *Process) readStream(c *Child, stream int, fd int32, b []byte) int {
	n, err := sys.Read(int(fd), b)
	for err == sys.EINTR {
		n, err = sys.Read(int(fd), b)
	}
	if err == sys.EAGAIN {
		return 0
	}
	if err != 0 || n == 0 {
		p.atEnd(c, stream)
		return 0
	}
	return n
}

// atEnd is the end of file of a stream. That of a process of this program is
// the end of the process, which is told first: the stream waits for that.
func (p *Process) atEnd(c *Child, stream int) {
	if c.Control >= 0 || c.ending {
		p.forget(c, stream)
		return
	}
	p.streamEnded(c, stream)
}

// streamEnded closes a stream whose last writer is gone.
func (p *Process) streamEnded(c *Child, stream int) {
	if stream == streamStdout {
		p.closeStream(c, stream, &c.Stdout)
		if p.Options.StdoutClosed {
			p.ctl(uint32(c.Pid), "stdout_closed")
		}
		return
	}
	p.closeStream(c, stream, &c.Stderr)
	if p.Options.StderrClosed {
		p.ctl(uint32(c.Pid), "stderr_closed")
	}
}

func (p *Process) closeStream(c *Child, stream int, fd *int32) {
	if stream == streamStdout {
		p.dropHeld(c)
	}
	p.forget(c, stream)
	sys.Close(int(*fd))
	*fd = -1
	p.table.changed = p.table.changed || c.exited
}

// readFrames reads from a child that runs this program and passes on the
// frames that are complete. What is left of one stays with the child, which
// delays nobody else.
func (p *Process) readFrames(c *Child) int {
	n := p.readHeld(c, bufferSize)
	if n == 0 {
		p.dropEmpty(c)
		return 0
	}
	if c.mayExec() {
		// Then its notice came before the first byte of the new program.
		p.readControl(c)
		if c.raw {
			return n
		}
	}
	p.forwardFrames(c, ^uint64(0))
	return n
}

// readHeld reads at most most bytes behind what is held.
func (p *Process) readHeld(c *Child, most int) int {
	if !p.hold(c) {
		p.forget(c, streamStdout)
		return 0
	}
	h := c.held
	if len(h.b)-h.w < maxFrame {
		if p.out.refers {
			p.Flush()
		}
		h.pack()
	}
	n := p.readStream(c, streamStdout, c.Stdout, h.b[h.w:min(len(h.b), h.w+most)])
	h.w += n
	return n
}

// forwardFrames passes on the complete frames among what is held, as far as
// offset limit in the child's output.
func (p *Process) forwardFrames(c *Child, limit uint64) {
	for h := c.held; h != nil && h.len() >= lengthSize; {
		length := get16(h.b[h.r:])
		size := lengthSize + length
		if c.forwarded+uint64(size) > limit {
			break
		}
		if length > maxInner {
			// No process of this program writes this. Its frames can no longer
			// be told apart.
			p.closeStream(c, streamStdout, &c.Stdout)
			return
		}
		if h.len() < size {
			break
		}
		p.proxy(c, h.b[h.r:h.r+size])
		h.r += size
		c.forwarded += uint64(size)
	}
	p.dropEmpty(c)
}

// proxy passes on a frame of the child.
func (p *Process) proxy(c *Child, frame []byte) {
	p.traceFrame(uint32(c.Pid), frame)
	b := p.reserve(proxySize + copyBelow)
	putHeader(b, proxySize-lengthSize+len(frame), typeProxy, uint32(c.Pid))
	if len(frame) < copyBelow {
		p.out.commit(proxySize + copy(b[proxySize:], frame))
		return
	}
	p.out.commit(proxySize)
	p.refer(frame)
	if len(frame) >= bulkFrame {
		p.growPipe(c)
	}
}

func (p *Process) dropEmpty(c *Child) {
	if c.held != nil && c.held.len() == 0 {
		p.dropHeld(c)
	}
}

// dropHeld gives the buffer back, once nothing that waits to be written is in
// it.
func (p *Process) dropHeld(c *Child) {
	if c.held != nil && p.out.refers {
		p.Flush()
	}
	p.drop(&c.held)
}

// forwardAnnounced passes on what the child wrote as frames before it exec'ed.
// All of it is in the pipe.
func (p *Process) forwardAnnounced(c *Child) {
	for {
		p.forwardFrames(c, c.announced)
		if c.Stdout < 0 || c.forwarded >= c.announced {
			return
		}
		left := c.announced - c.forwarded
		if c.held != nil {
			left -= min(left, uint64(c.held.len()))
		}
		if left == 0 || p.readHeld(c, int(min(left, bufferSize))) == 0 {
			return
		}
	}
}

// forwardAll passes on the frames that are in the pipe.
func (p *Process) forwardAll(c *Child) {
	p.forwardFrames(c, ^uint64(0))
	for left := drainLimit; left > 0 && c.Stdout >= 0; {
		n := p.readHeld(c, bufferSize)
		if n == 0 {
			break
		}
		left -= n
		p.forwardFrames(c, ^uint64(0))
	}
	p.dropEmpty(c)
}

// drain passes on what is in the pipes of a child that has ended.
func (p *Process) drain(c *Child) {
	for left := drainLimit; left > 0; {
		n := p.readStdout(c)
		if n == 0 {
			break
		}
		left -= n
	}
	for left := drainLimit; left > 0; {
		n := p.readStderr(c)
		if n == 0 {
			break
		}
		left -= n
	}
}

// deliverHeld passes on output of a new program that was read along with the
// frames of the old one.
func (p *Process) deliverHeld(c *Child) {
	for c.held != nil && !c.paused() {
		h := c.held
		n := min(h.len(), p.ReplyLimit())
		b := p.reserve(proxySize + n)
		putHeader(b, proxySize-lengthSize+n, typeStdout, uint32(c.Pid))
		p.out.commit(proxySize + copy(b[proxySize:], h.b[h.r:h.r+n]))
		p.traceFrame(0, b[:proxySize+n])
		h.r += n
		p.spend(c)
		p.dropEmpty(c)
	}
}
