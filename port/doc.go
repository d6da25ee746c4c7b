// SPDX-License-Identifier: ISC

// Package port is one process of an alcove tree: it reads frames on descriptor
// 0, answers calls, carries data to and from its children, and writes frames on
// descriptor 1. It is part of the program and not an API for others.
//
// # The tree
//
// Every process of the tree is a copy of the first one, made by fork(2). A frame for a
// process further down passes through those between, and each takes a pid off its
// front. On the way up each puts one there.
//
//	driver
//	  | 0 and 1, 5
//	process            Depth 0
//	  | pipes to 0, from 1 and 2, a socket to 5
//	  +-- process      Depth 1, runs this program: frames in its 0 and 1
//	  |     +-- process
//	  +-- program      has exec'ed: its 0, 1 and 2 are its own
//
// # Descriptors
//
// Descriptors 0 to 5 of a process have fixed meanings. The others are above.
//
//	0     frames from above
//	1     frames to above
//	2     standard error; below the top the parent reads it
//	3, 4  the signal pipe: the handler writes to 4, the loop reads from 3
//	5     the control socket, closed by an exec: notices to the parent or the driver.
//	      For a client that does not listen it is a fifo, without notices
//
// For each child its parent has the other ends of 0, 1, 2 and 5.
//
// # The states of a child
//
// A process learns from the control socket what its child runs (notice.go). The same
// drawing is over the type childState, in child.go:
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
// # Files
//
// Files do not call each other in circles: TestFilesDoNotCallInCircles looks. In the order
// in which a byte meets them:
//
//	start.go        the start: descriptors, signals, first frame
//	commandline.go  options of the command line, and the help
//	origin.go       environment, name and title, as the kernel gave them
//	connect.go      descriptor 5 of the top-level process
//	memory.go       all memory of a process
//	process.go      what a process knows, and what it asks of the calls
//	loop.go         poll(2), and who is served in what order
//
// Down, from the driver to a program:
//
//	dispatch.go     frames on descriptor 0: calls, and data for children
//	inbound.go      the buffer that they are read into
//	feed.go         the way into a child's standard input
//	scanner.go      finds calls that exec in what a child is sent
//	inputevents.go  reports how much of its input a program has taken
//
// Up, from a program to the driver:
//
//	reap.go         the end of children
//	rusage.go       reports what a child has used
//	handover.go     a child executes a program: its notices, where its frames end
//	stream.go       the way out of a child's standard output and error
//	leftover.go     output that others hold when a child has ended
//	flow.go         flow control
//	events.go       frames that the process makes itself, except replies
//	outbound.go     descriptor 1: gathered for one writev(2)
//	pieces.go       the argument of writev(2)
//	frame.go        what frames look like
//
// What calls do to the process:
//
//	fork.go         fork and clone; a process becomes its child
//	plumbing.go     the pipes and the socket between child and parent
//	exec.go         exec, and what comes before it
//	relay.go        input that was read ahead of an exec
//	given.go        standard streams and umask that a program gets instead of the process's
//	notice.go       what a child tells its parent of an exec
//	descriptor.go   read, write and close
//	watch.go        descriptors that are watched for the owner
//	filter.go       calls that are blocked, and seccomp filters
//	limits.go       how many children the limit on open files allows
//	subreaper.go    orphans that fall to this process
//
// Signals, and the end:
//
//	signal.go       signals as events
//	quiet.go        signals that would end a process that was executed again
//	orphan.go       whoever started the process is gone while a call sleeps
//	end.go          the end of the process
//	grace.go        the end of all that runs below it
//	walk.go         finds these processes
//
// What the others stand on:
//
//	polled.go       which streams of a child are waited for
//	pollset.go      the list of what is waited for, and epoll where there is much
//	table.go        children and leftovers in their slots
//	child.go        a child and its streams
//	buffer.go       memory for what has to wait
//	pipe.go         writing until all is written, and how much a pipe holds
//	endoffile.go    whether a stream has anything but its end
//	trace.go        the trace that ALCOVE_TRACE switches on
//	fixed.go        the fixed descriptors; others are moved away from them
//
// The process has one thread and forks, and the Go runtime never starts (see
// package entry): nothing here allocates, defers, starts a goroutine or needs a
// package to be initialised.
package port
