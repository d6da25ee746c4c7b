package port

// Values of Child.Control besides a descriptor.
const (
	closedControl = -2 // end of file: the child has exec'ed or ended
	lostControl   = -1 // something else than a notice came, or reading failed
)

// Child is what a process knows of one of its children, from the fork until it
// is reaped. The descriptors are this process's own numbers; -1 when closed.
type Child struct {
	outlet
	SignalOnEOF int32
	Control     int32
	Stdin       int32

	waited bool // by waitpid: not listed, not addressed, its end not reported

	// The way in (feed.go).
	gate    gate
	scan    scanner
	queue   *buffer
	ready   int   // bytes at the front of queue that may be written now
	closing int32 // standard input, closed by a call while queue held data; else -1
	hungry  bool  // its input did not take all: report when there is room

	// Notices (notice.go).
	announced uint64 // bytes that were frames at its last notice
	execing   bool   // the last notice was that of an exec
}

// outlet is the way out of a process: its standard output and error (stream.go).
// It outlives the process where others hold these (leftover.go).
type outlet struct {
	Pid         int32
	FlowControl int32 // pieces of output that may still be read, -1 without limit
	FlowBytes   int32 // and bytes
	Stdout      int32
	Stderr      int32

	slot      int32   // in the table of children, or of leftovers
	ended     bool    // the process is reaped: this is a leftover
	port      bool    // it may run this program: fdctl_closed has not been sent
	raw       bool    // its standard output is that of another program
	lifted    bool    // output does not have to wait for credit
	grown     bool    // its standard output has a larger pipe (pipesize.go)
	held      *buffer // part of a frame, or raw output that was read along with frames
	forwarded uint64  // bytes of its standard output passed on as frames
}

type gate uint8

const (
	gateOpen   gate = iota
	gateClosed      // behind an exec call whose outcome is not known
	gateless        // input of the child is no longer followed
)

// mayExec reports whether the child may have exec'ed since its control socket
// was last looked at: an exec call is on its way, or could be without having
// been seen, since the child may have taken its input otherwise than frame by
// frame.
func (c *Child) mayExec() bool { return c.gate != gateOpen || c.scan.reads }

// stdinNumber is the descriptor to write to, which outlives its being closed
// by a call until the queue is empty.
func (c *Child) stdinNumber() int32 {
	if c.closing >= 0 {
		return c.closing
	}
	return c.Stdin
}

// paused tells whether output has to wait for credit.
func (o *outlet) paused() bool { return o.raw && !o.lifted && (o.FlowControl == 0 || o.FlowBytes == 0) }

// runsPort reports whether a child lives and has not executed another program.
func (p *Process) runsPort(c *Child) bool {
	return c.Pid != 0 && !c.waited && c.Control != closedControl
}

// number is the descriptor of a stream.
func (o *outlet) number(stream int) *int32 {
	if stream == streamStdout {
		return &o.Stdout
	}
	return &o.Stderr
}
