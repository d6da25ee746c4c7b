// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Calls answers the calls made to one process. It implements port.Calls.
type Calls struct {
	p     *port.Process
	row   *call        // of the call being answered
	args  etf.Decoder  // over the arguments of the call being answered
	fault sys.Errno    // why an argument was refused
	reply *etf.Encoder // of the call being answered
	mem   arena        // arguments in the form that the kernel wants
	atom  [maxAtom]byte
	ptrs  [6]ptrArg // arguments of the call that refer to memory
	env   environment
	exec  execution
	title title

	failed bool             // the call being answered did not do what was asked
	rows   *[callLimit]call // the table, which has a row that calls others

	inner     etf.Encoder // of a call in a batch
	replies   []byte      // to those before it
	beginning bool        // the batch is a child's first, which has none for a child: the stack has a bound
}

const maxAtom = 255

// Memory is what calls work with that is large. What no call touches of it costs
// nothing.
type Memory struct {
	buckets   [fewBuckets]uint32
	vector    [spareEntries + usualEntries]*byte
	text      [spareText + usualText]byte
	arguments [arenaSize]byte
	replies   [maxData]byte
}

// Init makes c answer the calls of p, whose environment and arguments must be
// known. It ends the process if there is no memory for a large environment.
func (c *Calls) Init(p *port.Process, m *Memory) {
	c.p = p
	c.rows = &table
	c.mem.buf = m.arguments[:]
	c.replies = m.replies[:]
	c.env = environment{text: m.text[:0], vector: m.vector[:0], buckets: m.buckets[:0]}
	if !c.env.init(p.Env) {
		sys.Exit(int(sys.ENOMEM))
	}
}

// A call is how a call is answered: by a method of its own or, if there is
// none, by a system call whose arguments are those of the call.
type call struct {
	run   func(*Calls)
	trap  uintptr // system call
	read  readers
	names []constant // that the arguments can have
	reply func(c *Calls, result uintptr)

	flush   bool // may end the process: earlier replies go out first
	sleeps  bool // and so they do: interrupted when whoever started the process is gone
	execs   bool // replaces the program when it succeeds
	oneTerm bool // replies a term that can be too large, for which badarg is sent
}

// Answer runs call nr; see port.Calls.
func (c *Calls) Answer(nr int, body []byte, reply *etf.Encoder) {
	c.reply = reply
	c.args.Reset(body)
	c.args.Version()
	c.answer(nr)
}

// answer answers call nr, whose arguments c.args is at, with a term behind a
// version byte.
func (c *Calls) answer(nr int) {
	c.reply.Version()
	c.mem.reset()
	c.fault, c.failed = 0, false
	switch {
	case nr >= callLimit || callNames[nr] == "":
		c.badarg()
	case c.p.Filtered(nr) || nr >= callCount && !c.p.Options.Extensions:
		c.undef()
	default:
		c.run(nr)
	}
}

func (c *Calls) run(nr int) {
	if c.args.Tuple() != int(callArity[nr]) {
		c.args.Fail()
	}
	if c.refused() {
		return
	}
	call := &c.rows[nr]
	c.row = call
	if call.run != nil {
		call.run(c)
	} else {
		c.systemCall(call)
	}
	if c.reply.Full() {
		c.oversized(call.oneTerm)
	}
}

// systemCall answers a call that is a row of the table and no more.
func (c *Calls) systemCall(call *call) {
	var a [6]uintptr
	for i, read := range call.read {
		if read == nil {
			break
		}
		a[i] = read(c)
	}
	if c.refused() {
		return
	}
	if call.flush || call.sleeps {
		c.p.Flush()
	}
	var r uintptr
	var err sys.Errno
	if call.sleeps {
		r, err = signal.Interruptible(call.trap, a[0], a[1], a[2], a[3], a[4], a[5])
	} else {
		r, err = sys.Call6(call.trap, a[0], a[1], a[2], a[3], a[4], a[5])
	}
	if err != 0 {
		c.error(err)
		return
	}
	call.reply(c, r)
}

// Name returns the name of call nr, "" if there is no such call.
func (c *Calls) Name(nr int) string {
	if nr >= len(callNames) {
		return ""
	}
	return callNames[nr]
}

// Execs reports whether call nr replaces the program when it succeeds.
func (c *Calls) Execs(nr int) bool { return nr < callLimit && c.rows[nr].execs }

// Reads reports whether call nr may read from descriptor 0.
func (c *Calls) Reads(nr int) bool { return nr == nrRead || nr == nrBatch }

// ErrnoName returns the name of an error number, such as "enoent", or "unknown".
func (c *Calls) ErrnoName(err sys.Errno) string { return errnoName(err) }

// SignalName returns the name of a signal, such as "sigterm", or "unknown".
// Where names share a number it is the first of them in the table.
func (c *Calls) SignalName(signo int) string {
	for i := range signalConstants {
		if signalConstants[i].value == int64(signo) {
			return signalConstants[i].name
		}
	}
	return "unknown"
}
