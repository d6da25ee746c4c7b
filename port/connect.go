// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
)

// openControl opens descriptor 5 of the top-level process, which closes on exec:
// whoever has the other side learns when this process ends or executes another
// program.
//
// A driver listens at the path and gets notices, as the parent of a child does
// (notice.go). Other clients expect a fifo to be made there. Where the path has an
// abstract name, a driver that cannot be reached gets a fifo too; one that has ended
// does not, since it could not remove it.
func (p *Process) openControl(path *byte) sys.Errno {
	err := p.connectControl(path)
	if err == 0 {
		p.notifies = true
		return 0
	}
	if abstractName(path) != "" && hungUpEmpty(stdin) {
		return err
	}
	return p.openFifo(path)
}

// hungUpEmpty reports whether the writer of a pipe has gone and left nothing in it.
func hungUpEmpty(fd int) bool {
	polled := sys.PollNow(int32(fd), sys.POLLIN)
	return polled.Revents&sys.POLLHUP != 0 && atEndOfFile(&polled)
}

// connectControl connects with the listener that a path names: at the abstract
// name NAME if its last part is @NAME, or at the socket file.
func (p *Process) connectControl(path *byte) sys.Errno {
	fd, err := sys.Socket(sys.SOCK_STREAM | sys.SOCK_CLOEXEC)
	if err != 0 {
		return err
	}
	var address sys.UnixAddress
	err = sys.ENOENT
	if name := abstractName(path); name != "" && address.SetAbstract(name) {
		err = connect(fd, &address)
	}
	if err != 0 && address.SetPath(entry.Text(path)) {
		err = connect(fd, &address)
	}
	if err != 0 {
		sys.Close(fd)
		return err
	}
	return p.moveControl(fd)
}

// connect makes connect(2), which waits while the queue of the listener is full.
func connect(fd int, address *sys.UnixAddress) sys.Errno {
	for {
		if err := sys.Connect(fd, address); err != sys.EINTR {
			return err
		}
	}
}

// abstractName returns what follows the @ that the last part of the path begins
// with, "" if it begins with another byte.
func abstractName(path *byte) string {
	name := entry.Text(path)
	for i := len(name) - 1; i >= 0; i-- {
		if name[i] == '/' {
			name = name[i+1:]
			break
		}
	}
	if len(name) < 2 || name[0] != '@' {
		return ""
	}
	return name[1:]
}

// openFifo makes the control fifo and opens it, so that whoever reads from it
// sees its end when this process ends or executes another program.
func (p *Process) openFifo(path *byte) sys.Errno {
	const mode = 0o644
	if err := sys.Mkfifoat(sys.AT_FDCWD, path, mode); err != 0 {
		return err
	}
	const flags = sys.O_RDWR | sys.O_CLOEXEC | sys.O_NONBLOCK | sys.O_NOFOLLOW
	fd, err := sys.Openat(sys.AT_FDCWD, path, flags, 0)
	if err != 0 {
		return err
	}
	// Where others can write to the directory it may be another file by now.
	if !sys.IsFifo(fd) {
		return sys.EEXIST
	}
	return p.moveControl(fd)
}

// moveControl gives a descriptor the number of the control socket.
func (p *Process) moveControl(fd int) sys.Errno {
	if fd == p.control {
		return 0
	}
	err := sys.Dup3(fd, p.control, sys.O_CLOEXEC)
	sys.Close(fd)
	return err
}
