package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// firstChildren is how many children there is room for before the tables have
// to grow.
const firstChildren = 128

// Memory is what a process works with, allocated once. A forked child shares
// it with its parent until one of them writes, page by page. So an idle
// process costs as much as the pages that it writes, and a fork as many page
// faults. What every message touches comes first. Small messages touch only
// the front of a buffer, which is in a page that is written anyway.
type Memory struct {
	process Process
	spare   buffer
	ending  buffer
	fds     [placeChildren + firstChildren*(streams+leftStreams)]sys.PollFD
	inbound [inboundSize]byte

	slots    [firstChildren]Child
	left     [firstChildren]leftover
	outbound [outboundSize]byte

	records    [recordsPerRead * signal.InfoSize]byte
	spareBytes [bufferSize]byte
	trace      trace
	arg0       [maxArg0]byte
	last       [bufferSize]byte
}

func (m *Memory) init() *Process {
	p := &m.process
	p.Pid = sys.Getpid()
	p.Options = Options{
		ExitStatus: true, TermSig: true,
		FlowControl: -1, FlowBytes: -1, SignalOnEOF: int32(sys.SIGTERM),
		MaxForkDepth: 16,
		Given:        NothingGiven,
	}
	p.in.fd, p.out.fd, p.signals = stdin, stdout, signalRead
	p.exit = sys.Exit
	p.in.b = m.inbound[:]
	p.out.arena = m.outbound[:]
	p.records = m.records[:]
	p.spare = &m.spare
	p.spare.b = m.spareBytes[:]
	p.last = &m.ending
	p.last.b = m.last[:]
	p.poll.fds = m.fds[:0]
	p.poll.reset(p.in.fd, p.signals)
	p.table.slots = m.slots[:0]
	p.leftovers.slots = m.left[:0]
	return p
}
