package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Exit statuses of a start that fails; others are errno values.
const (
	statusUsage    = 95
	statusOption   = int(sys.EAGAIN) // a value that an option cannot have
	statusAnnounce = int(sys.EIO)    // the first frame could not be written
)

// Start makes the process ready to serve: it reads the command line, puts the
// descriptors in their places and installs the signal handler. version is what
// the usage shows. On failure the process ends with the status that the
// protocol gives for it.
//
// The program must have been started by package entry.
func (m *Memory) Start(version string) *Process {
	p := m.init()
	args := entry.Arguments()
	p.keepOrigin(args, entry.Environment(), m.arg0[:])
	o := options{name: "alcove", version: version, maxChild: -1}
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

const defaultMaxChild = 64

// openFiles returns the soft limit on open files.
func openFiles() uint64 {
	var limit sys.Rlimit
	check(sys.Getrlimit(sys.RLIMIT_NOFILE, &limit))
	return limit.Cur
}

// unblockChildren lets the end of children be noticed, whatever the process was started
// with: signals that are blocked stay so across an exec.
func unblockChildren() {
	set := sys.SetOf(sys.SIGCHLD)
	sys.Sigprocmask(sys.SIG_UNBLOCK, &set, nil)
}

// startFirst is the start of a top-level process.
func (p *Process) startFirst(name *byte) {
	signal.InstallAll()
	signal.Hold(true)
	check(limitStack())
	if name == nil {
		sys.Exit(int(sys.EINVAL))
	}
	for fd := signalRead; fd <= control; fd++ {
		check(moveAway(fd))
	}
	check(openSignalPipe())
	check(p.openControl(name))
	p.watchHangUp()
}

// startAgain is the start of a process of the tree that was made to execute
// this program: it has the descriptors of the one before it, and the signals
// that it ignored. What it does not have is made.
func (p *Process) startAgain() {
	signal.ResetAll()
	signal.Set(sys.SIGCHLD, signal.Info)
	if isOpen(signalRead) && isOpen(signalWrite) {
		sys.SetCloseOnExec(signalRead, true)
		sys.SetCloseOnExec(signalWrite, true)
		p.takeIgnored()
	} else {
		check(moveAway(signalRead))
		check(moveAway(signalWrite))
		check(openSignalPipe())
	}
	if sys.IsUnixSocket(control) {
		p.parent = true
		p.below = p.Depth > 0
		sys.SetCloseOnExec(control, true)
		p.ioTaken = true // as programs begin, it would end this one
	}
	p.watchHangUp()
}

func check(err sys.Errno) {
	if err != 0 {
		sys.Exit(int(err))
	}
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

func isOpen(fd int) bool {
	_, err := sys.Fcntl(fd, sys.F_GETFD, 0)
	return err == 0
}

// moveAway gives a descriptor that was handed down to the process, and is in
// one of the fixed places, another number.
func moveAway(fd int) sys.Errno {
	const lowest = 8
	flags, err := sys.Fcntl(fd, sys.F_GETFD, 0)
	if err != 0 {
		return 0
	}
	if _, err = sys.DupAbove(fd, lowest, flags&sys.FD_CLOEXEC != 0); err != 0 {
		return err
	}
	return sys.Close(fd)
}

// announce sends the first frame. Whoever started the process expects it in
// one piece, and nothing with it.
func (p *Process) announce() {
	ok := [...]byte{0, 7, 0, typeCall, 131, 'w', 2, 'o', 'k'}
	if n, err := sys.Write(stdout, ok[:]); err != 0 || n != len(ok) {
		sys.Exit(statusAnnounce)
	}
	p.out.wrote += uint64(len(ok))
}

// keepOrigin keeps the environment and the name that the program was called by, which
// it copies to arg0, and finds the memory in which arguments and environment were given,
// where a title can be written.
//
// As with setenv(3) for each entry in turn, an entry without = is left out,
// and of several for one name the last value remains, in the first's place.
// An entry with an empty name, which setenv refuses, leaves the environment as
// it was given and the title alone.
func (p *Process) keepOrigin(args, envs entry.Strings, arg0 []byte) {
	var given []byte
	if len(args) > 0 {
		p.Arg0 = arg0[:copy(arg0, args.At(0))]
		given = asGiven(args, envs)
	}
	for i := range envs {
		if *envs[i] == '=' {
			p.Env = envs
			return
		}
	}
	p.Env, p.Title = setEntries(envs), given
}

// setEntries returns what setenv would make of the entries, in their place.
func setEntries(entries entry.Strings) entry.Strings {
	n := 0
	for i, e := range entries {
		if at, ok := place(entries[:n], entries.At(i)); ok {
			entries[at] = e
			n = max(n, at+1)
		}
	}
	return entries[:n]
}

// place is where in set the entry belongs, and whether it is one.
func place(set entry.Strings, entry string) (at int, ok bool) {
	name := 0
	for name < len(entry) && entry[name] != '=' {
		name++
	}
	if name == len(entry) {
		return 0, false
	}
	for at < len(set) && !begins(set[at], entry[:name+1]) {
		at++
	}
	return at, true
}

// asGiven returns the memory in which the kernel put arguments and environment:
// from the first argument to the NUL after the last string that directly follows.
func asGiven(args, envs entry.Strings) []byte {
	first, size := args[0], 0
	for _, strings := range [...]entry.Strings{args, envs} {
		for i, s := range strings {
			if unsafe.Pointer(s) != unsafe.Add(unsafe.Pointer(first), size) {
				return unsafe.Slice(first, size)
			}
			size += len(strings.At(i)) + 1
		}
	}
	return unsafe.Slice(first, size)
}

// begins tells whether the string at p begins with s. It looks no further than
// they agree: the memory may end soon after a NUL.
func begins(p *byte, s string) bool {
	for i := range len(s) {
		if *(*byte)(unsafe.Add(unsafe.Pointer(p), i)) != s[i] {
			return false
		}
	}
	return true
}
