// SPDX-License-Identifier: ISC

package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// port is a running port program. What it does unexpectedly ends the benchmark.
type port struct {
	cmd *exec.Cmd
	in  *os.File
	out *bufio.Reader
	buf []byte
}

// pipe makes a pipe whose ends block: a reader that waits is woken by the kernel, without a detour
// through epoll(7).
func pipe() (r, w *os.File) {
	var fds [2]int
	check(unix.Pipe2(fds[:], unix.O_CLOEXEC))
	return os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe")
}

func startPort(program string, args ...string) *port {
	dir, err := os.MkdirTemp("", "bench")
	check(err)
	defer os.RemoveAll(dir)
	stdin, in := pipe()
	out, stdout := pipe()
	p := &port{in: in, out: bufio.NewReaderSize(out, 1<<18), buf: make([]byte, porttest.MaxFrame)}
	p.cmd = exec.Command(program, append([]string{"-c", filepath.Join(dir, "fifo")}, args...)...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = stdin, stdout, os.Stderr
	check(p.cmd.Start())
	stdin.Close()
	stdout.Close()
	p.reply()
	return p
}

// stop lets the program end and takes what it still writes.
func (p *port) stop() {
	p.in.Close()
	_, err := io.Copy(io.Discard, p.out)
	check(err)
	check(p.cmd.Wait())
}

func (p *port) write(b []byte) {
	_, err := p.in.Write(b)
	check(err)
}

// next reads a frame and returns what is in the innermost one. The contents are valid until the
// next call.
func (p *port) next() (typ porttest.Type, contents []byte) {
	_, err := io.ReadFull(p.out, p.buf[:2])
	check(err)
	rest := p.buf[:binary.BigEndian.Uint16(p.buf)]
	_, err = io.ReadFull(p.out, rest)
	check(err)
	for {
		typ, rest = porttest.Type(binary.BigEndian.Uint16(rest)), rest[2:]
		switch typ {
		case porttest.TypeProxy:
			rest = rest[4+2:] // pid, length
		case porttest.TypeStdout, porttest.TypeStderr:
			return typ, rest[4:]
		default:
			return typ, rest
		}
	}
}

// await reads until a message of the type, which is the only one that may come besides those that
// tell how children fare.
func (p *port) await(want porttest.Type) (contents []byte) {
	for {
		typ, contents := p.next()
		switch typ {
		case want:
			return contents
		case porttest.TypeCtl, porttest.TypeEvent:
		default:
			log.Fatalf("a message of type %v instead of %v: %q", typ, want, contents)
		}
	}
}

func (p *port) reply() []byte { return p.await(porttest.TypeCall) }

func (p *port) call(frame []byte) []byte {
	p.write(frame)
	return p.reply()
}

func (p *port) fork(to porttest.Pipeline) porttest.Pipeline {
	term, err := porttest.Decode(p.call(porttest.CallFrame(to, "fork")))
	check(err)
	if ok, _ := term.(porttest.Tuple); len(ok) == 2 && ok[0] == porttest.Atom("ok") {
		return to.Then(ok[1].(int))
	}
	log.Fatalf("fork: %s", porttest.Format(term))
	return nil
}

// chain forks n processes, each below the one before.
func (p *port) chain(n int) (l porttest.Pipeline) {
	for range n {
		l = p.fork(l)
	}
	return l
}

// exec returns when the process is the program.
func (p *port) exec(to porttest.Pipeline, argv ...string) {
	p.write(porttest.ExecFrame(to, argv...))
	p.await(porttest.TypeCtl)
}

// pss returns the memory of processes in KiB, of what they share each its part.
func pss(pids ...int) (sum float64) {
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		check(err)
		sum += field(b, "\nPss:")
	}
	return sum
}
