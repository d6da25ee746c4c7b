// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/sys"
)

// A trace shows what a process is asked and what it says, to somebody who
// looks for a mistake, in a client mostly. Each line begins with the pid of
// the process as it sees itself. < stands for what comes from above and > for
// what goes there. The pipeline below the process that it is about follows:
//
//	7 < [] call fork()
//	7 > [] reply {ok,8}
//	7 < [8] stdin 38 bytes <<0,36,0,4,0,21,131,104,...
//	8 < [] call execvp("/bin/cat",["/bin/cat"])
//	7 > [8] ctl fdctl_closed
//	7 < [8] stdin 6 bytes <<"hello\n">>
//	7 > [8] stdout 6 bytes <<"hello\n">>
//
// It is off unless the environment has traceVariable with any value. A line is
// one write(2) of at most traceWidth bytes, so that those of several processes
// do not mix.
const (
	traceVariable = "ALCOVE_TRACE="
	traceWidth    = 512
)

// traceLowest is the number from which on the trace has its descriptor, a copy
// of the top-level process's standard error: the standard error of a forked
// child is a pipe. It is closed on exec, and has a high number so that the
// others are the same as without a trace.
const traceLowest = 100

// trace is the trace of a process.
type trace struct {
	etf.Text // of the line that is being written, over b
	fd       int
	inside   bool // inside the brackets of the pipeline there is a pid
	b        [traceWidth]byte
}

// startTrace switches the trace on if it is asked for and the standard error is
// not the pipe that a parent reads. t is the memory for it.
func (p *Process) startTrace(t *trace) {
	if p.forked || !p.traceWanted() {
		return
	}
	fd, err := sys.DupAbove(stderr, traceLowest, true)
	if err == sys.EINVAL { // the limit on open files is below that
		fd, err = sys.DupAbove(stderr, firstFree, true)
	}
	if err == 0 {
		t.fd = fd
		p.trace = t
	}
}

func (p *Process) traceWanted() bool {
	const name = traceVariable
	for i, e := range p.Env {
		if begins(e, name) && len(p.Env.At(i)) > len(name) {
			return true
		}
	}
	return false
}

// The hooks. When the trace is off, each is a comparison.

// traceCall shows a call to this process. body is as for Calls.Answer.
func (p *Process) traceCall(nr int, body []byte) {
	if p.trace != nil {
		p.trace.call(p, nr, body)
	}
}

// traceReply shows the reply to a call.
func (p *Process) traceReply(term []byte) {
	if p.trace != nil {
		p.trace.reply(p, term)
	}
}

// traceData shows data for a child.
func (p *Process) traceData(pid uint32, data []byte) {
	if p.trace != nil {
		p.trace.stdin(p, pid, data)
	}
}

// traceFrame shows a frame that goes up, inside a proxy frame if it is one of
// the child from, which is else 0.
func (p *Process) traceFrame(from uint32, frame []byte) {
	if p.trace != nil {
		p.trace.frame(p, from, frame)
	}
}

// traceRefused shows a frame that may not come from above.
func (p *Process) traceRefused(frame []byte) {
	if p.trace != nil {
		p.trace.refused(p, frame)
	}
}

// tracePartial shows how much there is of a frame that is not complete.
func (p *Process) tracePartial() {
	if p.trace != nil && p.in.len() > 0 {
		p.trace.partial(p)
	}
}

// traceEnd shows that the process ends.
func (p *Process) traceEnd(status int) {
	if p.trace != nil {
		p.trace.end(p, status)
	}
}

// traceClosed must be told which descriptors calls close.
func (p *Process) traceClosed(fd int) {
	if p.trace != nil && p.trace.fd == fd {
		p.trace = nil
	}
}

func (t *trace) line(p *Process, direction string) {
	t.Reset(t.b[: 0 : len(t.b)-1]) // the newline
	t.inside = false
	t.Int(int64(p.Pid))
	t.String(direction)
}

func (t *trace) write() {
	n := len(t.Bytes())
	t.b[n] = '\n'
	writeAll(t.fd, t.b[:n+1]) // or nobody reads it
}

func (t *trace) call(p *Process, nr int, body []byte) {
	t.line(p, " < [] call ")
	if name := p.calls.Name(nr); name != "" {
		t.String(name)
	} else {
		t.Int(int64(nr))
	}
	var d etf.Decoder
	d.Reset(body)
	d.Version()
	if d.Kind() == etf.Tuple {
		t.arguments(&d)
	} else {
		t.String(" with ")
		t.Term(&d)
	}
	t.write()
}

func (t *trace) arguments(d *etf.Decoder) {
	t.String("(")
	for i, n := 0, d.Tuple(); i < n && d.OK(); i++ {
		if i > 0 {
			t.String(",")
		}
		t.Term(d)
	}
	t.String(")")
}

func (t *trace) reply(p *Process, term []byte) {
	t.line(p, " > [] reply ")
	t.term(term)
	t.write()
}

func (t *trace) stdin(p *Process, pid uint32, data []byte) {
	t.line(p, " < [")
	t.pid(pid)
	t.data("] stdin ", data)
	t.write()
}

func (t *trace) frame(p *Process, from uint32, frame []byte) {
	t.line(p, " > [")
	if from != 0 {
		t.pid(from)
	}
	for len(frame) >= pidHeaderSize+headerSize && get16(frame[lengthSize:]) == typeProxy {
		t.pid(get32(frame[headerSize:]))
		frame = frame[pidHeaderSize:]
	}
	t.contents(frame)
	t.write()
}

// contents shows what is in a frame, and ends the pipeline before that. A child
// may send anything.
func (t *trace) contents(frame []byte) {
	if len(frame) < headerSize {
		t.data("] frame of ", frame)
		return
	}
	switch typ := get16(frame[lengthSize:]); typ {
	case typeStdout:
		t.output("] stdout ", frame)
	case typeStderr:
		t.output("] stderr ", frame)
	case typeCall:
		t.String("] reply ")
		t.term(frame[headerSize:])
	case typeEvent:
		t.String("] event ")
		t.term(frame[headerSize:])
	case typeCtl:
		t.String("] ctl ")
		t.term(frame[headerSize:])
	case typePipe:
		t.String("] pipe ")
		t.term(frame[headerSize:])
	default:
		t.data("] frame of ", frame)
	}
}

func (t *trace) output(what string, frame []byte) {
	if len(frame) < pidHeaderSize {
		t.data("] frame of ", frame)
		return
	}
	t.pid(get32(frame[headerSize:]))
	t.data(what, frame[pidHeaderSize:])
}

func (t *trace) refused(p *Process, frame []byte) {
	t.line(p, " < [] ")
	t.data("no frame that may come here: ", frame)
	t.write()
}

func (t *trace) partial(p *Process) {
	t.line(p, " < [] ")
	t.size(p.in.len())
	t.String("of a frame")
	if p.in.len() >= lengthSize {
		t.String(" of ")
		t.Int(int64(lengthSize + get16(p.in.bytes())))
	}
	t.write()
}

func (t *trace) end(p *Process, status int) {
	t.line(p, " > [] ends with status ")
	t.Int(int64(status))
	t.write()
}

// pid adds a pid to the pipeline.
func (t *trace) pid(pid uint32) {
	if t.inside {
		t.String(",")
	}
	t.inside = true
	t.Int(int64(pid))
}

func (t *trace) size(n int) {
	t.Int(int64(n))
	if n == 1 {
		t.String(" byte ")
		return
	}
	t.String(" bytes ")
}

// data shows the size and as much of the contents as there is room for.
func (t *trace) data(what string, b []byte) {
	t.String(what)
	t.size(len(b))
	t.Binary(b)
}

// term shows a term that has its version byte.
func (t *trace) term(b []byte) {
	var d etf.Decoder
	d.Reset(b)
	d.Version()
	t.Term(&d)
}
