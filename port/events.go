// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/etf"

func (p *Process) badpid(pid uint32) { p.ctl(pid, "badpid") }

// openFrame starts a frame about the process itself, whose contents are one term. It
// returns the encoder for that term, with the version byte in it. closeFrame ends the
// frame.
func (p *Process) openFrame(typ int) *etf.Encoder {
	return p.openTerm(p.out.reserve(headerSize+mostEvent), 0, typ)
}

// openChildFrame starts such a frame about a child, in a proxy frame with its pid.
func (p *Process) openChildFrame(pid uint32, typ int) *etf.Encoder {
	b := p.out.reserve(pidHeaderSize + headerSize + mostEvent)
	putHeader(b, 0, typeProxy, pid)
	return p.openTerm(b, pidHeaderSize, typ)
}

const mostEvent = 512 // no term of an event is larger

// openTerm starts a frame at an offset in b, which begins where the arena is unused.
func (p *Process) openTerm(b []byte, at, typ int) *etf.Encoder {
	o := &p.out
	put16(b[at+lengthSize:], typ)
	at += headerSize
	o.start, o.term = o.used, o.used+at
	o.enc.Reset(b[at : at : at+mostEvent])
	o.enc.Version()
	return &o.enc
}

// closeFrame ends the frame that was opened, and fills in its lengths.
func (p *Process) closeFrame() {
	o := &p.out
	end := o.term + o.enc.Len()
	put16(o.arena[o.term-headerSize:], end-o.term+headerSize-lengthSize)
	if o.term-o.start > headerSize {
		put16(o.arena[o.start:], end-o.start-lengthSize)
	}
	p.traceFrame(0, o.arena[o.start:end])
	o.used = end
}

// ctl reports a change of the child pid.
func (p *Process) ctl(pid uint32, what string) {
	e := p.openChildFrame(pid, typeCtl)
	e.Atom(what)
	p.closeFrame()
}

// pipeFull reports that only n bytes of data for the child fitted in its pipe.
func (p *Process) pipeFull(pid int32, n int) {
	e := p.openChildFrame(uint32(pid), typePipe)
	e.Int(int64(n))
	p.closeFrame()
}
