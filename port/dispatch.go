// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// readInbound reads what is there and handles every frame that is complete.
func (p *Process) readInbound() {
	in := &p.in
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
	if len(in.b)-slack-in.w < maxFrame {
		in.pack()
	}
	n, err := sys.Read(in.fd, in.b[in.w:len(in.b)-slack])
	switch {
	case err == sys.EINTR || err == sys.EAGAIN:
		return
	case err != 0 || n == 0:
		p.end(int(err))
	}
	in.w += n
	p.handleInbound()
}

// handleInbound handles the frames that are complete.
func (p *Process) handleInbound() {
	in, generation := &p.in, p.generation
	for in.len() >= lengthSize {
		size := lengthSize + get16(in.b[in.r:])
		if in.len() < size {
			break
		}
		frame := in.b[in.r : in.r+size]
		in.r += size
		if !p.handle(frame) {
			p.traceRefused(frame)
			p.end(0)
		}
		if p.generation != generation {
			return // in the child of a fork, whose input is its own and empty
		}
	}
	p.tracePartial()
	p.feedPending()
}

// handle handles one frame and reports whether it is one that may come here. Data
// for children is gathered (feed.go) and written before anything else is done.
func (p *Process) handle(frame []byte) bool {
	if len(frame) >= pidHeaderSize && get16(frame[lengthSize:]) == typeStdin {
		p.forward(get32(frame[headerSize:]), frame[pidHeaderSize:])
		return true
	}
	p.feedPending()
	if len(frame) < headerSize {
		// No type, or half of one. Of what there is only zeros pass, as data
		// for pid 0.
		if len(frame) > lengthSize && frame[lengthSize] != 0 {
			return false
		}
		p.badpid(0)
		return true
	}
	const least = 1 // byte of the term
	if get16(frame[lengthSize:]) != typeCall || len(frame) < headerSize+numberSize+least {
		return false
	}
	if p.locked {
		p.Flush() // should the filter kill this call, the replies before it are out
	}
	p.answer(get16(frame[headerSize:]), frame[headerSize+numberSize:])
	return true
}

// answer runs a call. term is the term of its arguments, which ends where unhandled
// input starts.
func (p *Process) answer(nr int, term []byte) {
	if p.calls.Execs(nr) {
		p.drainChildren()
	}
	signal.Release(signal.Held()) // a call that waits ends with any signal
	in, out, limit := &p.in, &p.out, p.ReplyLimit()
	body := in.lend(term)
	p.execed = false
	b := out.reserve(headerSize + limit)
	if out.err != 0 {
		p.Flush() // ends the process: nobody would get the reply
	}
	out.enc.Reset(b[headerSize : headerSize : headerSize+limit])
	p.traceCall(nr, body)
	generation := p.generation
	p.calls.Answer(nr, body, &out.enc)
	if p.generation != generation { // in the child of a fork
		p.sendReply(limit)
		return
	}
	in.restore()
	p.sendReply(limit)
	p.retireWaited()
	if p.notifies && p.calls.Execs(nr) && !p.execed {
		// The parent holds back what follows an exec until it hears of it.
		p.notify(noticeFailed)
	}
}

// sendReply adds the reply of a call, if it has one, to what is written.
func (p *Process) sendReply(limit int) {
	out := &p.out
	reply := out.enc.Bytes()
	if len(reply) == 0 {
		return
	}
	p.traceReply(reply)
	// The call may have flushed: then the frame starts at the front.
	b := out.reserve(headerSize + limit)
	out.commit(headerSize + copy(b[headerSize:], reply))
	putCall(b, len(reply))
}
