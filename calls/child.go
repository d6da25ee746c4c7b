// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port"

// cpid answers cpid/0 with a record for each child, in slot order.
func (c *Calls) cpid() {
	for i := range c.p.Slots() {
		if child := c.p.Slot(i); child != nil {
			c.link()
			c.child(child)
		}
	}
	c.reply.Nil()
}

func (c *Calls) child(child *port.Child) {
	c.reply.Tuple(8)
	c.reply.Atom("alcove_pid")
	c.reply.Int(int64(child.Pid))
	c.reply.Int(int64(child.FlowControl))
	c.reply.Int(int64(child.SignalOnEOF))
	c.reply.Int(int64(controlOf(child)))
	c.reply.Int(int64(child.Stdin))
	c.reply.Int(int64(child.Stdout))
	c.reply.Int(int64(child.Stderr))
}

// controlOf returns what cpid tells of a child's control socket: its number, -2
// when the child has closed it, or -1 when this process has.
func controlOf(child *port.Child) int32 {
	if child.Control < 0 && child.LeftPort() {
		return -2
	}
	return child.Control
}

// setcpid answers setcpid/3: true, also if there is no such child, or false for
// an option that does not exist.
func (c *Calls) setcpid() {
	pid := c.args.Uint()
	name := c.word()
	value := c.args.Int()
	if value < 0 && string(name) != "flowcontrol" && string(name) != "flowbytes" {
		c.refuse(invalid)
	}
	if c.refused() {
		return
	}
	done := true
	switch string(name) {
	case "flowcontrol":
		c.p.SetFlowControl(int32(pid), max(value, -1))
	case "flowcontrol_add":
		c.p.AddFlowControl(int32(pid), value)
	case "flowbytes":
		c.p.SetFlowBytes(int32(pid), max(value, -1))
	case "flowbytes_add":
		c.p.AddFlowBytes(int32(pid), value)
	case "signaloneof":
		if child := c.p.ChildByPid(int32(pid)); child != nil {
			child.SignalOnEOF = min(value, maxByte)
		}
	default:
		done = false
	}
	c.possible(done)
}
