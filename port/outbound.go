package port

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

const (
	// While a frame of the greatest size still fits, nothing has to be written
	// before the next is made.
	outboundSize = burst * (maxFrame + proxySize)

	// Frames of children below this size are copied, so that many of them
	// become one piece; larger ones are written from where they are.
	copyBelow = 4096
)

// outbound gathers frames for one writev(2) on descriptor 1.
type outbound struct {
	arena  []byte
	used   int // bytes of arena in use
	joined int // bytes of arena that pieces refer to
	pieces pieces
	n      int         // pieces in use
	refers bool        // whether a piece is outside arena
	enc    etf.Encoder // writes the term of the frame that is being made
	start  int         // where in arena that frame starts
	term   int         // where its term starts
	wrote  uint64      // bytes written since the last notice to the parent
}

func (o *outbound) clear() { o.used, o.joined, o.n, o.refers = 0, 0, 0, false }

// join makes the bytes put in the arena since the last join a piece.
func (o *outbound) join() {
	if o.joined < o.used {
		o.pieces[o.n] = iovec(o.arena[o.joined:o.used])
		o.n++
		o.joined = o.used
	}
}

// reserve returns room for n bytes, n at most maxFrame+proxySize. What was
// filled of it is kept by commit.
func (p *Process) reserve(n int) []byte {
	o := &p.out
	if len(o.arena)-o.used < n {
		p.Flush()
	}
	return o.arena[o.used : o.used+n]
}

func (o *outbound) commit(n int) { o.used += n }

// refer adds b itself, which must not change before the next Flush.
func (p *Process) refer(b []byte) {
	o := &p.out
	if o.n+2 >= maxPieces {
		p.Flush()
	}
	o.join()
	o.pieces[o.n] = iovec(b)
	o.n++
	o.refers = true
}

// Flush writes all that was gathered. It blocks until the reader has taken it.
// When the reader is gone the process ends (see end).
func (p *Process) Flush() {
	o := &p.out
	o.join()
	for first := 0; first < o.n; {
		n, err := sys.Writev(stdout, o.pieces[first:o.n])
		switch err {
		case 0:
			o.wrote += uint64(n)
			first = o.pieces.advance(first, o.n, n)
		case sys.EINTR:
		case sys.EAGAIN:
			awaitWriting(stdout)
		default:
			o.clear()
			p.end(int(err))
		}
	}
	o.clear()
}

// awaitWriting waits until a descriptor that somebody made non-blocking can be
// written to.
func awaitWriting(fd int) {
	var fds [1]sys.PollFD
	fds[0] = sys.PollFD{FD: int32(fd), Events: sys.POLLOUT}
	sys.Poll(fds[:], -1)
}

// begin starts a frame with a term as its contents, and returns the encoder
// that is to write the term; it has the version byte already. A frame that
// concerns a child is wrapped with its pid. finish ends it.
func (p *Process) begin(pid uint32, wrapped bool, typ int) *etf.Encoder {
	const most = 512 // no event is larger
	o := &p.out
	b := p.reserve(proxySize + headerSize + most)
	o.start = o.used
	n := headerSize
	if wrapped {
		putHeader(b, 0, typeProxy, pid)
		n += proxySize
	}
	o.term = o.used + n
	put16(b[n-headerSize+lengthSize:], typ)
	o.enc.Reset(b[n : n : n+most])
	o.enc.Version()
	return &o.enc
}

// finish ends the frame of begin.
func (p *Process) finish() {
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
	e := p.begin(pid, true, typeCtl)
	e.Atom(what)
	p.finish()
}

// pipeFull tells that only n bytes of data for the child fitted in its pipe.
func (p *Process) pipeFull(pid int32, n int) {
	e := p.begin(uint32(pid), true, typePipe)
	e.Int(int64(n))
	p.finish()
}
