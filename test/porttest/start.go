// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Option changes how the program is started.
type Option func(*options)

type options struct {
	program string
	args    []string
	env     []string
	under   []string
	shell   string
	noFifo  bool
	closed  map[int]bool
	extra   map[int]*os.File
	anyEnd  bool
	garbage bool
	talks   bool
}

// Args adds command line arguments after -c FIFO.
func Args(args ...string) Option { return func(o *options) { o.args = append(o.args, args...) } }

// Env replaces the environment; the strings go to execve(2) as they are.
func Env(env ...string) Option { return func(o *options) { o.env = append([]string{}, env...) } }

// Shell has sh run commands, such as ulimit or trap, before it execs the program.
func Shell(commands string) Option { return func(o *options) { o.shell = commands } }

// Under has another command start the program: its path and arguments are appended to those of the
// command.
func Under(argv ...string) Option { return func(o *options) { o.under = argv } }

// Instead starts another port program.
func Instead(path string) Option { return func(o *options) { o.program = path } }

// NoFifo leaves out -c.
func NoFifo() Option { return func(o *options) { o.noFifo = true } }

// Closed starts the program without descriptor fd, which is one of 0 to 5.
func Closed(fd int) Option { return func(o *options) { o.closed[fd] = true } }

// Open starts the program with f as descriptor fd.
func Open(fd int, f *os.File) Option { return func(o *options) { o.extra[fd] = f } }

// AnyEnd lets the program end with any status, and its programs live on.
func AnyEnd() Option { return func(o *options) { o.anyEnd = true } }

// Garbage lets malformed frames of children pass; they arrive with TypeMalformed.
func Garbage() Option { return func(o *options) { o.garbage = true } }

// Talks lets the program write to stderr.
func Talks() Option { return func(o *options) { o.talks = true } }

// Start starts the program, takes its first message, opens the fifo as the Erlang driver does, and
// removes it.
func Start(t testing.TB, opts ...Option) *Port {
	t.Helper()
	p := Launch(t, opts...)
	p.Next(Reply(nil, Atom("ok")))
	f, err := os.OpenFile(p.Fifo, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatalf("fifo: %v", err)
	}
	p.control = f
	if err := os.Remove(p.Fifo); err != nil {
		t.Fatal(err)
	}
	return p
}

// Launch starts the program and returns at once.
func Launch(t testing.TB, opts ...Option) *Port {
	t.Helper()
	o := options{program: run.program, env: os.Environ(), closed: map[int]bool{}, extra: map[int]*os.File{}}
	for _, opt := range opts {
		opt(&o)
	}
	dir := t.TempDir()
	p := &Port{t: t, conn: &conn{Fifo: filepath.Join(dir, "fifo"), options: o, changed: make(chan struct{})}}
	var files []*os.File
	if err := p.open(dir, &files); err != nil {
		t.Fatal(err)
	}
	argv := o.argv(p.Fifo)
	path := Tool(t, argv[0])
	proc, err := start(path, argv, &os.ProcAttr{Env: o.env, Files: files})
	for fd, f := range files[:3] {
		if f != nil && o.extra[fd] == nil {
			f.Close()
		}
	}
	if err != nil {
		p.close()
		t.Fatal(err)
	}
	p.Pid, p.proc, p.exited = proc.Pid, proc, make(chan struct{})
	go p.read()
	go p.watch()
	t.Cleanup(p.cleanup)
	return p
}

func (o *options) argv(fifo string) []string {
	argv := append([]string{}, o.under...)
	if o.shell != "" {
		argv = append(argv, "/bin/sh", "-c", o.shell+"\nexec \"$@\"", "sh")
	}
	argv = append(argv, o.program)
	if !o.noFifo {
		argv = append(argv, "-c", fifo)
	}
	return append(argv, o.args...)
}

// open makes the pipes. Files gets what the program starts with, by descriptor number.
func (p *Port) open(dir string, files *[]*os.File) error {
	in, stdin, err := pipe()
	if err != nil {
		return err
	}
	stdout, out, err := pipe()
	if err != nil {
		return err
	}
	stderr, err := os.OpenFile(filepath.Join(dir, "stderr"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	// Only this side of each pipe does not block: the flag belongs to an end, and the program's
	// ends are its own.
	for _, f := range []**os.File{&stdin, &stdout} {
		if *f, err = nonblocking(*f); err != nil {
			return err
		}
	}
	p.stdin, p.stdout, p.stderr = stdin, stdout, filepath.Join(dir, "stderr")
	*files = p.arranged(in, out, stderr)
	return nil
}

// arranged puts what the options say in place of standard descriptors, or behind them.
func (p *Port) arranged(files ...*os.File) []*os.File {
	for fd := range 16 {
		if f := p.options.extra[fd]; f != nil {
			for len(files) <= fd {
				files = append(files, nil)
			}
			if fd < 3 {
				files[fd].Close()
			}
			files[fd] = f
		}
	}
	for fd := range p.options.closed {
		if fd < 3 {
			files[fd].Close()
			files[fd] = nil
		}
	}
	return files
}

// pipe makes a pipe of blocking, close-on-exec descriptors.
func pipe() (r, w *os.File, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return nil, nil, fmt.Errorf("pipe2: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe"), nil
}

func nonblocking(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("fcntl(F_DUPFD_CLOEXEC): %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// Result is how a program ended that was run to its end.
type Result struct {
	Status         int
	Stdout, Stderr string
}

// Run runs the program with exactly these arguments, its input at end of file, and waits until it
// ends.
func Run(t testing.TB, args ...string) Result {
	t.Helper()
	return RunWith(t, args)
}

// RunWith does what Run does, with options.
func RunWith(t testing.TB, args []string, opts ...Option) Result {
	t.Helper()
	p := Launch(t, append(opts, func(o *options) { o.noFifo, o.args, o.anyEnd, o.talks = true, args, true, true })...)
	p.CloseInput()
	status := p.Exit()
	return Result{status, p.Raw(), p.Stderr()}
}

// Itoa does what strconv.Itoa does, for arguments.
func Itoa(n int) string { return strconv.Itoa(n) }
