// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/etf"

func (p *Process) badpid(pid uint32) { p.ctl(pid, "badpid") }

// openFrame starts a frame with a term as its contents, and returns the encoder
// that is to write the term; it has the version byte already. A frame that
// concerns a child is wrapped with its pid. closeFrame ends it.
func (p *Process) openFrame(pid uint32, wrapped bool, typ int) *etf.Encoder {
	const most = 512 // no event is larger
	o := &p.out
	b := o.reserve(pidHeaderSize + headerSize + most)
	o.start = o.used
	n := headerSize
	if wrapped {
		putHeader(b, 0, typeProxy, pid)
		n += pidHeaderSize
	}
	o.term = o.used + n
	put16(b[n-headerSize+lengthSize:], typ)
	o.enc.Reset(b[n : n : n+most])
	o.enc.Version()
	return &o.enc
}

// closeFrame ends the frame of openFrame.
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

// ctl tells that something about the child pid changed.
func (p *Process) ctl(pid uint32, what string) {
	e := p.openFrame(pid, true, typeCtl)
	e.Atom(what)
	p.closeFrame()
}

// pipeFull tells that only n bytes of data for the child fitted in its pipe.
func (p *Process) pipeFull(pid int32, n int) {
	e := p.openFrame(uint32(pid), true, typePipe)
	e.Int(int64(n))
	p.closeFrame()
}
