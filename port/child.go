// SPDX-License-Identifier: ISC

package port

// childState is what a process knows of the program that a child runs. It learns
// it from the control socket (notice.go):
//
//	            noticeExec                  the socket closes
//	runsPort ---------------> aboutToExec -------------------> runsProgram
//	  |  ^                     |    |
//	  |  +---------------------+    |
//	  |   any other notice          |
//	  |                             | a call closes the socket,
//	  | the socket closes           | or it was used for something else
//	  v                             v
//	portEnded                     unknown
//
// unknown is reached from runsPort as well. A child that is reaped leaves the table
// from every state; its streams may go on as a leftover.
type childState uint8

const (
	runsPort    childState = iota // this program: its output is frames
	aboutToExec                   // so far; what it has announced is frames
	runsProgram                   // another one: its output is passed on as it comes
	portEnded                     // it was killed or has exited without an exec
	unknown                       // no more notices come; its output is taken for frames
)

// Child is what a process knows of one of its children, from the fork until it
// is reaped. The descriptors are this process's own numbers; -1 when closed.
type Child struct {
	outlet
	inlet
	SignalOnEOF int32
	Control     int32  // its notices come here
	announced   uint64 // bytes that were frames at its last notice
	waited      bool   // by waitpid: not listed, not addressed, its end not reported
}

// LeftPort reports whether the child does not run this program any more.
func (c *Child) LeftPort() bool { return c.state == runsProgram || c.state == portEnded }

// livesAsPort reports whether the child is there and may run this program.
func (c *Child) livesAsPort() bool { return c.Pid != 0 && !c.waited && !c.LeftPort() }

// inlet is the way into a child: its standard input (feed.go).
type inlet struct {
	Stdin   int32
	closing int32 // standard input, closed by a call while queue held data; else -1
	gate    gate
	hungry  bool // its input did not take all: report when there is room
	scan    scanner
	queue   *buffer
	ready   int // bytes at the front of queue that may be written now
}

// outlet is the way out of a process: its standard output and error (stream.go).
// It outlives the process where others hold these (leftover.go).
type outlet struct {
	Pid         int32
	FlowControl int32 // pieces of output that may still be read, -1 without limit
	FlowBytes   int32 // and bytes
	Stdout      int32
	Stderr      int32

	state     childState
	leftover  bool    // the process is reaped
	lifted    bool    // output does not have to wait for credit
	grown     bool    // its standard output has a larger pipe (pipe.go)
	slot      int32   // in the table of children, or of leftovers
	ahead     *buffer // part of a frame, or output of a program that was read along with frames
	forwarded uint64  // bytes of its standard output passed on as frames
}

type gate uint8

const (
	gateOpen   gate = iota
	gateClosed      // behind an exec call whose outcome is not known
	gateless        // input of the child is no longer followed
)

// mayExec reports whether the child may have exec'ed since its control socket
// was last looked at. An exec call is on its way, or could be without having
// been seen: the child may have taken its input otherwise than frame by frame.
func (in *inlet) mayExec() bool { return in.gate != gateOpen || in.scan.reads }

// stdinFD returns the descriptor to write to. After a call has closed it, it lives on
// until the queue is empty.
func (in *inlet) stdinFD() int32 {
	if in.closing >= 0 {
		return in.closing
	}
	return in.Stdin
}

// paused reports whether output has to wait for credit.
func (o *outlet) paused() bool {
	return o.state == runsProgram && !o.lifted && (o.FlowControl == 0 || o.FlowBytes == 0)
}

// descriptor returns where the descriptor of a stream is kept.
func (o *outlet) descriptor(stream int) *int32 {
	if stream == streamStdout {
		return &o.Stdout
	}
	return &o.Stderr
}
