// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Read makes read(2) for calls. On descriptor 0 it returns first what was read
// ahead. It may block; what was gathered goes out before.
func (p *Process) Read(fd int, b []byte) (int, sys.Errno) {
	p.Flush()
	if fd == p.in.fd {
		if p.notifies {
			p.notify(noticeInput)
		}
		p.in.restore()
		if p.in.len() > 0 {
			n := copy(b, p.in.bytes())
			p.in.r += n
			return n, 0
		}
	}
	n, err := signal.Interruptible(sys.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	return int(n), err
}

// Write makes write(2) for calls. It may block; what was gathered goes out before.
func (p *Process) Write(fd int, b []byte) (int, sys.Errno) {
	p.Flush()
	r, err := signal.Interruptible(sys.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(b))), uintptr(len(b)), 0, 0, 0)
	n := int(r)
	if err == sys.EPIPE && p.isQuiet(sys.SIGPIPE) {
		p.byDefault(sys.SIGPIPE)
	}
	if fd == p.out.fd && n > 0 {
		p.out.wrote += uint64(n)
	}
	if c := p.childWith(fd); c != nil && fd == int(c.Stdin) {
		// Frames that were not seen here: one may be an exec.
		c.gate = gateless
		p.openGate(c)
	}
	return n, err
}

// Close makes close(2) for calls. No descriptor is protected: closing a child's
// is how its end of file is made, and closing 0, 1, 3 or 4 ends the process.
func (p *Process) Close(fd int) sys.Errno {
	p.traceClosed(fd)
	switch fd {
	case p.out.fd:
		p.Flush()
	case p.control:
		if p.notifies {
			return p.closeOwnControl()
		}
	}
	if fd >= firstFree && int32(fd) == p.poll.fds[placeMany].FD {
		p.poll.giveUpMany(0) // closes it
		return 0
	}
	c := p.childWith(fd)
	if c == nil {
		return p.closeLeftNumber(fd)
	}
	switch int32(fd) {
	case c.Control:
		p.loseControl(c)
	case c.Stdout:
		p.closeStream(&c.outlet, streamStdout)
	case c.Stderr:
		p.closeStream(&c.outlet, streamStderr)
	case c.Stdin:
		c.Stdin = -1
		if c.queue != nil {
			c.closing = int32(fd) // when what was sent before has been written
			return 0
		}
		p.forget(&c.outlet, streamStdin)
		return sys.Close(fd)
	}
	return 0
}

// closeOwnControl makes the parent take this process for another program:
// the reply to this call is the last frame, what follows is raw output.
func (p *Process) closeOwnControl() sys.Errno {
	const reply = headerSize + 5 // the atom ok
	p.Flush()
	p.notifyAhead(noticeExec, reply)
	p.notifies = false
	return sys.Close(p.control)
}

// childWith returns the child that the open descriptor fd belongs to.
func (p *Process) childWith(fd int) *Child {
	if fd < firstFree {
		return nil
	}
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 {
			continue
		}
		switch int32(fd) {
		case c.Control, c.Stdin, c.Stdout, c.Stderr:
			return c
		}
	}
	return nil
}

// OwnsDescriptor reports whether the process itself uses descriptor fd.
func (p *Process) OwnsDescriptor(fd int) bool { return fd < firstFree || p.childWith(fd) != nil }

// ServesWith reports whether the process serves its children with a descriptor from first to
// last.
func (p *Process) ServesWith(first, last uint32) bool {
	for _, fd := range p.poll.fixed() {
		if fd.FD >= 0 && first <= uint32(fd.FD) && uint32(fd.FD) <= last {
			return true
		}
	}
	for i := range p.table.slots {
		c := &p.table.slots[i]
		if c.Pid == 0 {
			continue
		}
		for _, fd := range [...]int32{c.Control, c.Stdin, c.Stdout, c.Stderr, c.closing} {
			if fd >= 0 && first <= uint32(fd) && uint32(fd) <= last {
				return true
			}
		}
	}
	return p.leftovers.use(first, last)
}

// NoteCloseOnExec notes whether a program which this process executes gets a
// descriptor. Exec has to know that of the control socket, whose end tells the parent.
func (p *Process) NoteCloseOnExec(fd int, on bool) {
	if fd == p.control {
		p.controlKept = !on
	}
}
