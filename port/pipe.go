// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

const (
	// burst is how many full pieces one child may deliver before it is others'
	// turn.
	burst = 4

	// bulkPipe is the size of a pipe for much output in a row. The usual 64 KiB
	// make writer and reader wait for each other at every frame.
	bulkPipe = burst * (64 << 10)

	// usualPipe is the size of a pipe that nobody has changed, and mostPipe what
	// an ordinary user may make of it.
	usualPipe = 64 << 10
	mostPipe  = 1 << 20

	// bulkFrame is the size from which on a frame shows that there is much.
	bulkFrame = 32 << 10
)

// growPipe gives the standard output of a child that delivers much a larger
// pipe, once. It is refused to a user with very many pipes. The one above this
// process is grown by the parent, if that is a process of this program.
//
// A seccomp filter may not know the system call.
func (p *Process) growPipe(o *outlet) {
	if o.grown || p.locked {
		return
	}
	o.grown = true
	setPipeSize(int(o.Stdout), bulkPipe)
	if !p.forked {
		setPipeSize(p.out.fd, bulkPipe)
	}
}

// capacity returns how much the pipe of a stream holds. It is called once more than the
// usual size has been read. A seccomp filter may not know the system call: then it
// returns the most that a pipe can hold.
func (p *Process) capacity(fd int32) int {
	if p.locked {
		return mostPipe
	}
	return pipeCapacity(int(fd))
}

// writeAll writes all of b, and blocks until the reader has taken it.
func writeAll(fd int, b []byte) sys.Errno {
	for len(b) > 0 {
		n, err := sys.Write(fd, b)
		switch err {
		case 0:
			b = b[n:]
		case sys.EINTR:
		case sys.EAGAIN:
			awaitWriting(fd)
		default:
			return err
		}
	}
	return 0
}

// awaitWriting waits until a descriptor that somebody made non-blocking can be
// written to.
func awaitWriting(fd int) {
	var fds [1]sys.PollFD
	fds[0] = sys.PollFD{FD: int32(fd), Events: sys.POLLOUT}
	sys.Poll(fds[:], -1)
}
