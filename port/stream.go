// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// readRaw passes on a piece of output, and more if there is much.
func (p *Process) readRaw(o *outlet, stream int) {
	if o.paused() {
		if p.pausedAtEnd(o, stream) {
			p.closeAndTell(o, stream)
		}
		return
	}
	for range burst {
		limit := p.pieceLimit(o)
		n := p.readPiece(o, stream, limit)
		if n < limit || o.paused() {
			return
		}
		p.growPipe(o)
	}
}

// readPiece passes on a piece of output of at most most bytes, and returns how
// many they were.
func (p *Process) readPiece(o *outlet, stream, most int) int {
	b := p.out.reserve(pidHeaderSize + min(most, p.ReplyLimit()))
	n := p.readStream(o, stream, b[pidHeaderSize:])
	if n == 0 {
		return 0
	}
	typ := typeStdout
	if stream == streamStderr {
		typ = typeStderr
	}
	putHeader(b, pidHeaderSize-lengthSize+n, typ, uint32(o.Pid))
	p.traceFrame(0, b[:pidHeaderSize+n])
	p.out.commit(pidHeaderSize + n)
	p.spend(o, n)
	return n
}

// readStream reads what is there, and closes the stream at its end.
func (p *Process) readStream(o *outlet, stream int, b []byte) int {
	fd := *o.descriptor(stream)
	if fd < 0 {
		return 0
	}
	n, err := sys.Read(int(fd), b)
	for err == sys.EINTR {
		n, err = sys.Read(int(fd), b)
	}
	if err == sys.EAGAIN {
		return 0
	}
	if err != 0 || n == 0 {
		p.endOfFile(o, stream)
		return 0
	}
	return n
}

// endOfFile handles end of file on a stream. Where fdctl_closed is still to be sent
// it comes first, and the stream is closed afterwards.
func (p *Process) endOfFile(o *outlet, stream int) {
	if o.state == runsPort || o.state == aboutToExec {
		p.forget(o, stream)
		return
	}
	p.closeAndTell(o, stream)
}

// closeAndTell closes a stream whose last writer is gone.
func (p *Process) closeAndTell(o *outlet, stream int) {
	pid := uint32(o.Pid)
	p.closeStream(o, stream)
	switch {
	case stream == streamStdout && p.Options.StdoutClosed:
		p.ctl(pid, "stdout_closed")
	case stream == streamStderr && p.Options.StderrClosed:
		p.ctl(pid, "stderr_closed")
	}
}

// closeStream closes a stream if it is open. It may be called while a call is
// answered.
func (p *Process) closeStream(o *outlet, stream int) {
	fd := o.descriptor(stream)
	if *fd < 0 {
		return
	}
	if stream == streamStdout {
		p.dropAhead(o)
	}
	p.forget(o, stream)
	sys.Close(int(*fd))
	*fd = -1
	if o.leftover && o.Stdout < 0 && o.Stderr < 0 {
		p.leftovers.free(int(o.slot))
		p.table.changed = true
	}
}

// readAhead reads at most most bytes behind what was read before.
func (p *Process) readAhead(o *outlet, most int) int {
	if !p.bufferFor(o) {
		p.forget(o, streamStdout)
		return 0
	}
	h := o.ahead
	if len(h.b)-h.w < maxFrame {
		if p.out.refers {
			p.out.flush()
		}
		h.pack()
	}
	n := p.readStream(o, streamStdout, h.b[h.w:min(len(h.b), h.w+most)])
	h.w += n
	return n
}

// forwardFrames passes on the complete frames among what is held, up to
// offset limit in the child's output.
func (p *Process) forwardFrames(o *outlet, limit uint64) {
	for h := o.ahead; h != nil && h.len() >= lengthSize; {
		length := get16(h.b[h.r:])
		size := lengthSize + length
		if o.forwarded+uint64(size) > limit {
			break
		}
		if length > maxInner {
			// No process of this program writes this. Its frames can no longer
			// be told apart.
			p.closeStream(o, streamStdout)
			return
		}
		if h.len() < size {
			break
		}
		p.proxy(o, h.b[h.r:h.r+size])
		h.r += size
		o.forwarded += uint64(size)
	}
	p.dropEmpty(o)
}

// proxy passes on a frame of the child, wrapped with its pid.
func (p *Process) proxy(o *outlet, frame []byte) {
	p.traceFrame(uint32(o.Pid), frame)
	b := p.out.reserve(pidHeaderSize + copyBelow)
	putHeader(b, pidHeaderSize-lengthSize+len(frame), typeProxy, uint32(o.Pid))
	if len(frame) < copyBelow {
		p.out.commit(pidHeaderSize + copy(b[pidHeaderSize:], frame))
		return
	}
	p.out.commit(pidHeaderSize)
	p.out.refer(frame)
	if len(frame) >= bulkFrame {
		p.growPipe(o)
	}
}

// dropEmpty gives the buffer back if nothing is in it.
func (p *Process) dropEmpty(o *outlet) {
	if o.ahead != nil && o.ahead.len() == 0 {
		p.dropAhead(o)
	}
}

// dropAhead gives the buffer back. What waits to be written may be in it, and is
// written first.
func (p *Process) dropAhead(o *outlet) {
	if o.ahead != nil && p.out.refers {
		p.out.flush()
	}
	p.drop(&o.ahead)
}

// forwardAll passes on the frames that are in the pipe.
func (p *Process) forwardAll(o *outlet) {
	p.forwardFrames(o, ^uint64(0))
	for left := mostPipe; left > 0 && o.Stdout >= 0; {
		n := p.readAhead(o, bufferSize)
		if n == 0 {
			break
		}
		left -= n
		p.forwardFrames(o, ^uint64(0))
	}
	p.dropEmpty(o)
}

// deliverAhead passes on output of a new program that was read along with the
// frames of the old one.
func (p *Process) deliverAhead(o *outlet) {
	for o.ahead != nil && !o.paused() {
		h := o.ahead
		n := min(h.len(), p.pieceLimit(o))
		b := p.out.reserve(pidHeaderSize + n)
		putHeader(b, pidHeaderSize-lengthSize+n, typeStdout, uint32(o.Pid))
		p.out.commit(pidHeaderSize + copy(b[pidHeaderSize:], h.b[h.r:h.r+n]))
		p.traceFrame(0, b[:pidHeaderSize+n])
		h.r += n
		p.spend(o, n)
		p.dropEmpty(o)
	}
}
