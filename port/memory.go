// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// How many children there is room for, with their leftovers: in the first page, and
// before the tables take memory from the kernel.
const (
	fewChildren   = 4
	firstChildren = 128
)

// Memory is what a process works with, allocated once. A forked child shares
// it with its parent until one of them writes, page by page. So an idle
// process costs as much as the pages that it writes, and a fork as many page
// faults. What every message touches comes first, in one page together with
// the front of the output. Small messages touch only the front of a buffer.
type Memory struct {
	process Process
	unused  buffer
	last    buffer
	fds     [placeChildren + fewChildren*(streams+leftStreams)]sys.PollFD
	slots   [fewChildren]Child

	outbound  [outboundSize]byte
	records   [recordsPerRead * signal.InfoSize]byte
	leftovers [fewChildren]leftover
	trace     trace
	arg0      [maxArg0]byte
	inbound   [inboundSize]byte
}

// Spare is the rest of the memory of a process, which few processes touch. It is used as a slice
// with one element: compiled code reads a structure before it takes the address of a part
// through a pointer, and then the kernel copies one more table of pages for every fork.
type Spare struct {
	fds       [placeChildren + firstChildren*(streams+leftStreams)]sys.PollFD
	slots     [firstChildren]Child
	leftovers [firstChildren]leftover
	unused    [bufferSize]byte
	last      [bufferSize]byte
}

// init returns a process with the options of a first one, and empty tables.
func (m *Memory) init(spare []Spare) *Process {
	p := &m.process
	p.memory, p.spare = m, spare
	p.Pid = sys.Getpid()
	p.Options = Options{
		ExitStatus: true, TermSig: true, FdctlClosed: true,
		FlowControl: -1, FlowBytes: -1, SignalOnEOF: int32(sys.SIGTERM),
		MaxForkDepth: 16,
		Given:        NothingGiven,
	}
	p.in.fd, p.out.fd, p.signals, p.control = stdin, stdout, signalRead, controlFD
	p.exit = sys.Exit
	p.in.b = m.inbound[:]
	p.out.arena = m.outbound[:]
	p.records = m.records[:]
	p.unused = &m.unused
	p.unused.b = spare[0].unused[:]
	p.last = &m.last
	p.last.b = spare[0].last[:]
	p.resetTables()
	return p
}

// resetTables empties the tables, and puts them into the first page again. Larger ones of
// the parent are not written to, since a forked child shares their pages.
func (p *Process) resetTables() {
	m := p.memory
	p.table.reset(m.slots[:0])
	p.leftovers.reset(m.leftovers[:0])
	p.poll.fds = m.fds[:0]
	p.poll.reset(p.in.fd, p.signals)
}
