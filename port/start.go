// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Exit statuses of a start that fails; others are errno values.
const (
	statusUsage    = 95
	statusOption   = int(sys.EAGAIN) // a value that an option cannot have
	statusAnnounce = int(sys.EIO)    // the first frame could not be written
	statusNoOutput = int(sys.EBADF)  // there is no descriptor 1
)

// Start makes the process ready to serve: it reads the command line, puts the descriptors in their
// places and installs the signal handler. version is what the usage shows, and about the line of
// --version. On failure the process ends with the status that the protocol gives for it.
//
// The program must have been started by package entry.
func (m *Memory) Start(spare []Spare, version, about string) *Process {
	p := m.init(spare)
	args := entry.Arguments()
	p.keepOrigin(args, entry.Environment(), m.arg0[:])
	o := commandLine{name: "alcove", version: version, about: about, maxChild: -1}
	if len(args) > 0 {
		o.name = args.At(0)
	}
	o.parse(args)
	p.Depth = o.depth
	p.Options.MaxChild = int32(o.maxChild)
	if o.maxChild < 0 {
		p.Options.MaxChild = defaultMaxChild
		p.FilesLimited(openFiles())
	}
	unblockChildren()
	if o.again {
		p.startAgain()
	} else {
		p.startFirst(o.control)
	}
	p.startTrace(&m.trace)
	signal.TellFaults()
	return p
}

// unblockChildren lets the end of children be noticed, whatever the process was started
// with: signals that are blocked stay so across an exec.
func unblockChildren() {
	set := sys.SetOf(sys.SIGCHLD)
	sys.Sigprocmask(sys.SIG_UNBLOCK, &set, nil)
}

// startFirst makes a top-level process ready.
func (p *Process) startFirst(name *byte) {
	p.early = sys.WipedOnFork(earlySize)
	signal.InstallAll()
	signal.Hold()
	check(limitStack())
	if name == nil {
		sys.Exit(int(sys.EINVAL))
	}
	if !isOpen(stdin) {
		check(emptyInput())
	}
	for fd := signalRead; fd <= controlFD; fd++ {
		check(moveAway(fd))
	}
	check(openSignalPipe())
	check(p.openControl(name))
	p.askForSIGIO()
}

// emptyInput makes an input at its end, for a process that was started with none.
// Descriptor 0 is free, so the pipe begins there.
func emptyInput() sys.Errno {
	var p [2]int32
	if err := sys.Pipe2(&p, 0); err != 0 {
		return err
	}
	return sys.Close(int(p[1]))
}

// startAgain prepares a process of the tree that was made to execute this
// program. It has the descriptors of the one before it, and the signals that
// it ignored, which the kernel keeps. What it does not have is made.
func (p *Process) startAgain() {
	signal.Set(sys.SIGCHLD, signal.Info)
	p.handleQuietly(sys.SIGPIPE)
	if isOpen(signalRead) && isOpen(signalWrite) {
		sys.SetCloseOnExec(signalRead, true)
		sys.SetCloseOnExec(signalWrite, true)
	} else {
		check(moveAway(signalRead))
		check(moveAway(signalWrite))
		check(openSignalPipe())
	}
	if sys.IsUnixSocket(p.control) {
		p.notifies = true
		p.forked = p.Depth > 0
		sys.SetCloseOnExec(p.control, true)
		p.ioTaken = !p.handleQuietly(sys.SIGIO)
	}
	p.askForSIGIO()
}

// limitStack gives a stack without limit the usual one, which is what programs
// that size things by it expect.
func limitStack() sys.Errno {
	const usual = 8 << 20
	var limit sys.Rlimit
	if err := sys.Getrlimit(sys.RLIMIT_STACK, &limit); err != 0 || limit.Cur != sys.Unlimited {
		return err
	}
	limit.Cur = usual
	return sys.Setrlimit(sys.RLIMIT_STACK, &limit)
}

// announce sends the first frame. Whoever started the process expects it in
// one piece, and nothing with it.
func (p *Process) announce() {
	ok := [...]byte{0, 7, 0, typeCall, 131, 'w', 2, 'o', 'k'}
	if n, err := sys.Write(p.out.fd, ok[:]); err != 0 || n != len(ok) {
		if !isOpen(stdout) {
			sys.Exit(statusNoOutput)
		}
		sys.Exit(statusAnnounce)
	}
	p.out.wrote += uint64(len(ok))
}
