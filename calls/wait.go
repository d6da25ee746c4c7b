// SPDX-License-Identifier: ISC

package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// waitpid answers waitpid/2 with {ok, Pid, Status, What}, see waitpid(2).
func (c *Calls) waitpid() {
	pid := c.args.Int()
	options := c.flags(waitConstants)
	if c.refused() {
		return
	}
	if options&sys.WNOHANG == 0 {
		c.p.Flush()
	}
	status := int32(-1) // which the kernel does not write
	r, err := signal.Interruptible(sys.SYS_WAIT4, uintptr(pid), uintptr(unsafe.Pointer(&status)), uintptr(options), 0, 0, 0)
	found := int(r)
	switch {
	case err == 0 && found <= 0:
		status = 0
	case err == 0 && status < 0:
		err = sys.ESKIPPED
	case err == sys.EINTR:
		// The end of a child is a signal as well, which FreeBSD tells of first.
		if n, again := sys.Wait4(int(pid), &status, int(options)|sys.WNOHANG, nil); again == 0 && n > 0 {
			found, err = n, 0
		}
	}
	if err != 0 {
		c.error(err)
		return
	}
	ws := sys.WaitStatus(status)
	if found > 0 && (ws.Exited() || ws.Signaled()) {
		c.p.Waited(int32(found))
	}
	c.results(3)
	c.reply.Int(int64(found))
	c.reply.Int(int64(status))
	if found > 0 {
		c.change(ws)
	}
	c.reply.Nil()
}

// change replies what happened to a child, as the elements of a list.
func (c *Calls) change(ws sys.WaitStatus) {
	c.link()
	switch {
	case ws.Exited():
		c.reply.Tuple(2)
		c.reply.Atom("exit_status")
		c.reply.Int(int64(ws.ExitStatus()))
	case ws.Signaled():
		c.reply.Tuple(2)
		c.reply.Atom("termsig")
		c.reply.Atom(c.SignalName(int(ws.Signal())))
	case ws.Continued():
		c.reply.Atom("continued")
	default:
		c.reply.Tuple(2)
		c.reply.Atom("stopsig")
		c.reply.Atom(c.SignalName(int(ws.StopSignal())))
	}
}
