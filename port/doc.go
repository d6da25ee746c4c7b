// Package port is one process of an alcove tree: it reads frames on descriptor
// 0, answers calls, carries data to and from its children, and writes frames on
// descriptor 1.
//
// The files, in the order in which a byte meets them:
//
//	start.go     command line, descriptors, signals, first frame
//	connect.go   descriptor 5 of the top-level process
//	loop.go      poll(2), and who is served in what order
//	inbound.go   descriptor 0: frames for this process and for its children
//	feed.go      the way into a child's standard input
//	taken.go     what is told of it
//	outbound.go  descriptor 1: what is gathered for one writev(2)
//	child.go     the table of children
//	stream.go    the way out of a child's standard output and error
//	leftover.go  output that others hold when a child has ended
//	control.go   the socket on which a process announces that it execs
//	flow.go      flow control
//	signal.go    signals as events
//	reap.go      the end of children
//	ending.go    the end of all that runs below, for those who ask
//	walk_linux.go  finding it
//	interrupt_linux.go  noticing in a call that whoever started the process is gone
//	usage.go     what a child has used
//	watch.go     descriptors that are watched for the owner
//	fork.go      fork and clone
//	exec.go      exec, and input that was read ahead of it
//	given.go     what a program gets in place of what the process has
//	descriptor.go  read, write and close as calls see them
//	trace.go     the trace that ALCOVE_TRACE switches on
//
// Descriptors 0 to 5 have fixed meanings: 0, 1 and 2 are standard input, output
// and error; 3 and 4 are the two ends of the signal pipe; 5 is the control
// socket, or in the top-level process of a client that does not listen a fifo.
//
// The process has one thread and forks, and the Go runtime never starts (see
// package entry): nothing here allocates, defers, starts a goroutine or needs a
// package to be initialised.
package port
