// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
)

// Calls answers the calls of a process.
type Calls interface {
	// Answer runs the call with number nr, which may be any 16-bit number. body
	// is the external term that follows the number, with two zero bytes after
	// it. The reply, from its version byte on, goes into reply, whose limit is
	// what the way to the top allows at this depth. If it is left empty no
	// reply is sent. body and reply are valid until Answer returns.
	Answer(nr int, body []byte, reply *etf.Encoder)

	// Name returns the name of call nr, "" if there is no such call.
	Name(nr int) string

	// Execs reports whether call nr replaces the program when it succeeds.
	Execs(nr int) bool

	// Reads reports whether call nr may take input of the process that was meant
	// for its loop.
	Reads(nr int) bool

	// ErrnoName returns the atom for an error number, "unknown" if it has none.
	ErrnoName(err sys.Errno) string

	// SignalName returns the atom for a signal number, "unknown" if it has none.
	SignalName(signo int) string
}

// Options are what getopt and setopt name. A child starts with a copy.
type Options struct {
	ExitStatus, TermSig                     bool  // report how children ended
	FdctlClosed                             bool  // report fdctl_closed for those, too
	StdinClosed, StdoutClosed, StderrClosed bool  // report the end of their streams
	StdinTaken                              bool  // report how much of their input they have taken
	Usage                                   bool  // report what they have used, when they end
	Childless                               bool  // report whether any are left then
	OneShot                                 bool  // exit after the end of a child
	FlowControl                             int32 // of new children: pieces of output, -1 without limit
	FlowBytes                               int32 // and bytes
	SignalOnEOF                             int32 // of new children; 0 also signals no child at all
	MaxChild                                int32
	MaxForkDepth                            int32
	GraceOnEOF                              int32 // milliseconds, see endBelow; 0 to go at once
	Given                                   Given // to the programs that it executes
	Extensions                              bool  // calls that the C port does not have are answered
	NoExtensions                            bool  // and will never be
}

// Process is one process of the tree. There is one in a program; a forked
// child goes on with its copy, after reset.
type Process struct {
	Pid          int // as the process itself sees it
	Depth        int // forks between the top-level process and this one
	Options      Options
	SIGCHLDTaken bool // sigaction(sigchld, sig_info): children are not reaped here

	Env   entry.Strings // NAME=value, as the process was started with, in order
	Arg0  []byte        // the name that the program was called by
	Title []byte        // memory of the first arguments and environment; nil: leave it

	filter, subFilter [16]byte // calls blocked here, and in processes forked later

	memory    *Memory
	spare     []Spare // one
	calls     Calls
	in        inbound
	out       outbound
	early     []byte // memory for the reply to a fork, nil if there is none
	pending   pending
	poll      pollset
	table     children
	leftovers leftovers
	unused    *buffer // the first of a list
	last      *buffer // for a child that has ended, when there is no other
	trace     *trace  // nil when it is off

	starved bool // a child is not read because there was no buffer for it

	notifies  bool // who started this process reads notices from the control socket
	forked    bool // and is a process of this program, not the driver
	execed    bool // the call being answered has announced an exec (and failed)
	locked    bool // a seccomp filter may be in force: no system call beyond the known ones
	subreaper bool // BecomeSubreaper has succeeded
	ioTaken   bool // SIGIO has no handler: the control socket does not send it

	quiet      uint64 // signals with a handler that the client does not know of
	generation int    // changes in the child of a fork, so that loops notice

	control     int  // descriptor of the control socket
	controlKept bool // a call has made a program get it

	signals int    // the end of the signal pipe to read from
	records []byte // siginfo read from there

	exit func(status int) // ends the process
}

// ReplyLimit returns the greatest size of a reply in bytes, its version byte
// included, that ancestors can still wrap.
func (p *Process) ReplyLimit() int { return 0xffff - pidHeaderSize*(p.Depth+1) }
