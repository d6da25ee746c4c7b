// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"strings"
	"time"
)

// reported is how many of the messages taken last a report shows.
const reported = 20

// Receive waits for the first message, among those queued and those to come, that matches. What
// does not match stays queued, in order.
func (p *Port) Receive(what string, match func(Message) bool) Message {
	p.t.Helper()
	late := time.NewTimer(run.patience)
	defer late.Stop()
	for looked := 0; ; {
		m, ok, seen, changed, ended := p.take(match, looked)
		if ok {
			return m
		}
		if ended {
			p.fail("the program closed its stdout; awaited: %s", what)
		}
		looked = seen
		select {
		case <-changed:
		case <-late.C:
			p.fail("awaited in vain: %s", what)
		}
	}
}

// take removes the first match from the queue, leaving out the first skip messages, which were
// looked at before.
func (p *conn) take(match func(Message) bool, skip int) (m Message, ok bool, seen int, changed chan struct{}, ended bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := min(skip, len(p.queue)); i < len(p.queue); i++ {
		if m := p.queue[i]; match(m) {
			p.taken = append(p.taken, m)
			if len(p.taken) > 2*reported {
				p.taken = append(p.taken[:0], p.taken[reported:]...)
			}
			if i == 0 {
				p.queue = p.queue[1:]
			} else {
				p.queue = append(p.queue[:i:i], p.queue[i+1:]...)
			}
			return m, true, 0, nil, false
		}
	}
	return m, false, len(p.queue), p.changed, p.ended
}

// Any takes the next message, whatever it is.
func (p *Port) Any() Message {
	p.t.Helper()
	return p.Receive("any message", func(Message) bool { return true })
}

// Next takes as many messages as are wanted and fails unless they are these, in this order, with
// none between them.
func (p *Port) Next(want ...Message) {
	p.t.Helper()
	for i, w := range want {
		if m := p.Receive(fmt.Sprintf("next message %v", w), func(Message) bool { return true }); !m.equal(w) {
			p.fail("message %d of %d (-want +got):\n\t- %v\n\t+ %v\n\t- % x\n\t+ % x", i+1, len(want), w, m,
				cut(w.Data, 60), cut(m.Data, 60))
		}
	}
}

// Await takes a message that is equal to the wanted one; others may come first and stay queued.
func (p *Port) Await(want Message) {
	p.t.Helper()
	p.Receive(want.String(), want.equal)
}

// SignalOf waits for a signal event from a process and returns its siginfo.
func (p *Port) SignalOf(from Pipeline, name string) string {
	p.t.Helper()
	m := p.Receive(fmt.Sprintf("signal %s of %v", name, from), func(m Message) bool {
		_, ok := m.Signal(name)
		return ok && m.Is(TypeEvent, from)
	})
	info, _ := m.Signal(name)
	return info
}

// Output collects at least n bytes of one output stream of a process.
func (p *Port) Output(typ Type, from Pipeline, n int) string {
	p.t.Helper()
	var out strings.Builder
	for out.Len() < n {
		out.WriteString(p.Receive(fmt.Sprintf("%d bytes of %v of %v, %d have come", n, typ, from, out.Len()),
			func(m Message) bool { return m.Is(typ, from) }).Data)
	}
	return out.String()
}

// Finish collects the stdout of a program until its exit or termsig event, which must be last.
func (p *Port) Finish(from Pipeline, end Message) (stdout string) {
	p.t.Helper()
	var out strings.Builder
	for {
		m := p.Receive(fmt.Sprintf("output of %v until %v", from, end), func(m Message) bool {
			return m.Is(TypeStdout, from) || ends(m, from)
		})
		if m.equal(end) {
			return out.String()
		}
		if m.Type != TypeStdout {
			p.fail("%v ended otherwise: want %v, got %v", from, end, m)
		}
		out.WriteString(m.Data)
	}
}

// Quiet fails when messages are queued, or come before the answers to a call to each of the
// processes given (the port itself if none is): whatever they had to say before is out by then.
func (p *Port) Quiet(at ...Pipeline) {
	p.t.Helper()
	if len(at) == 0 {
		at = []Pipeline{nil}
	}
	for _, l := range at {
		p.Send(l, "version")
		if m := p.Any(); !m.Is(TypeCall, l) || m.Term() != Binary("1.0.1") {
			p.fail("unexpected message\n\t%v", m)
		}
	}
}

// Queue takes and returns all messages that are queued now.
func (p *Port) Queue() []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := p.queue
	p.queue = nil
	return q
}

func (p *Port) fail(format string, args ...any) {
	p.t.Helper()
	p.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), p.report())
}

// report tells what is known of the program and its tree.
func (p *Port) report() string {
	p.mu.Lock()
	queue, taken := append([]Message(nil), p.queue...), append([]Message(nil), p.taken...)
	part := p.part
	p.mu.Unlock()
	var out strings.Builder
	fmt.Fprintf(&out, "port %d, command %q\n", p.Pid, p.options.argv(p.Fifo))
	fmt.Fprintf(&out, "last messages taken:\n%s", list(taken[max(0, len(taken)-reported):]))
	fmt.Fprintf(&out, "messages not taken (%d):\n%s", len(queue), list(queue[:min(len(queue), reported)]))
	if part != "" {
		fmt.Fprintf(&out, "%d bytes of a frame that is not complete: % x\n", len(part), cut(part, 60))
	}
	fmt.Fprintf(&out, "processes:\n%s", describe(p.Pid))
	if s := p.Stderr(); s != "" {
		fmt.Fprintf(&out, "stderr:\n%s", s)
	}
	return out.String()
}

func list(ms []Message) string {
	var out strings.Builder
	for _, m := range ms {
		fmt.Fprintf(&out, "\t%v\n", m)
	}
	if len(ms) == 0 {
		return "\tnone\n"
	}
	return out.String()
}
