// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// Flow control counts pieces of output that another program's streams may
// still deliver, and bytes; standard output and error share the counts. When one
// is 0 neither stream is read or polled. A child that runs this program is never
// held back.

// pieceLimit returns how large the next piece may be.
func (p *Process) pieceLimit(o *outlet) int {
	limit := p.ReplyLimit()
	if o.state == runsProgram && !o.lifted && o.FlowBytes >= 0 {
		return min(limit, int(o.FlowBytes))
	}
	return limit
}

// SetFlowControl lets the child pid, or what is left of it, deliver n more pieces
// of output, -1 for no limit. It takes effect in the next round.
func (p *Process) SetFlowControl(pid, n int32) {
	if o := p.outletOf(pid); o != nil {
		o.FlowControl = n
		p.credited(o)
	}
}

// AddFlowControl lets the child pid deliver n pieces beside those that are left.
func (p *Process) AddFlowControl(pid, n int32) {
	if o := p.outletOf(pid); o != nil {
		o.FlowControl = more(o.FlowControl, n)
		p.credited(o)
	}
}

// SetFlowBytes does for bytes what SetFlowControl does for pieces.
func (p *Process) SetFlowBytes(pid, n int32) {
	if o := p.outletOf(pid); o != nil {
		o.FlowBytes = n
		p.credited(o)
	}
}

// AddFlowBytes does for bytes what AddFlowControl does for pieces.
func (p *Process) AddFlowBytes(pid, n int32) {
	if o := p.outletOf(pid); o != nil {
		o.FlowBytes = more(o.FlowBytes, n)
		p.credited(o)
	}
}

// more adds to a credit; -1 is without limit, and stays so.
func more(credit, n int32) int32 {
	if credit < 0 {
		return credit
	}
	return int32(min(int64(credit)+int64(n), 1<<31-1))
}

// credited has the streams of an outlet read again where its credit allows that.
func (p *Process) credited(o *outlet) {
	p.pollOutput(o)
	p.table.changed = p.table.changed || o.ahead != nil
}

// spend takes a piece of n bytes from the credit.
func (p *Process) spend(o *outlet, n int) {
	if o.state != runsProgram || o.FlowControl < 0 && o.FlowBytes < 0 {
		return
	}
	if o.FlowControl > 0 {
		o.FlowControl--
	}
	if o.FlowBytes > 0 { // output that is drained may be more than the credit
		o.FlowBytes = max(0, o.FlowBytes-int32(n))
	}
	if o.paused() {
		p.pollOutput(o)
	}
}

// pausedAtEnd looks at a paused stream whose last writer may be gone, and reports
// whether it is at its end.
func (p *Process) pausedAtEnd(o *outlet, stream int) (ended bool) {
	if stream == streamStdout && o.ahead != nil {
		p.forget(o, stream)
		return false
	}
	polled := sys.PollNow(*o.descriptor(stream), sys.POLLIN)
	if polled.Revents == 0 {
		return false
	}
	if atEndOfFile(&polled) {
		return true
	}
	// There is output: it waits for credit, and nothing else can happen to it.
	p.forget(o, stream)
	return false
}
