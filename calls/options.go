// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/port"
	"github.com/alcove-go/alcove/port/signal"
)

// toggle returns the option of that name that is on or off, nil if there is none.
func toggle(o *port.Options, name []byte) *bool {
	switch string(name) {
	case "exit_status":
		return &o.ExitStatus
	case "termsig":
		return &o.TermSig
	case "fdctl_closed":
		return &o.FdctlClosed
	case "stdin_closed":
		return &o.StdinClosed
	case "stdout_closed":
		return &o.StdoutClosed
	case "stderr_closed":
		return &o.StderrClosed
	case "stdin_taken":
		return &o.StdinTaken
	case "usage":
		return &o.Usage
	case "childless":
		return &o.Childless
	case "oneshot":
		return &o.OneShot
	}
	return nil
}

// optional returns the option of that name that is a number, or -1 for none. It returns
// nil if there is no such option.
func optional(o *port.Options, name []byte) *int32 {
	switch string(name) {
	case "flowcontrol":
		return &o.FlowControl
	case "flowbytes":
		return &o.FlowBytes
	case "stdin":
		return &o.Given.Stdio[0]
	case "stdout":
		return &o.Given.Stdio[1]
	case "stderr":
		return &o.Given.Stdio[2]
	case "umask":
		return &o.Given.Umask
	}
	return nil
}

// getopt answers getopt/1 with the value of an option, or false.
func (c *Calls) getopt() {
	name := c.word()
	if c.refused() {
		return
	}
	o := &c.p.Options
	if on := toggle(o, name); on != nil {
		c.reply.Int(bit(*on))
		return
	}
	if n := optional(o, name); n != nil {
		c.reply.Int(int64(*n))
		return
	}
	switch string(name) {
	case "signaloneof":
		c.reply.Int(int64(o.SignalOnEOF))
	case "maxchild":
		c.reply.Int(int64(o.MaxChild))
	case "maxforkdepth":
		c.reply.Int(int64(o.MaxForkDepth))
	case "subreaper":
		c.reply.Int(bit(c.p.Subreaper()))
	case "graceoneof":
		c.reply.Int(int64(o.GraceOnEOF))
	case "extensions":
		c.reply.Int(c.extensions())
	default:
		c.flag(false)
	}
}

// extensions returns the calls from callCount on that the process can be told to
// answer, a bit for each: the lowest for the greatest number.
func (c *Calls) extensions() int64 {
	var bits int64
	for nr := callCount; nr < callLimit && !c.p.Options.NoExtensions; nr++ {
		if callNames[nr] != "" && !missing(nr) {
			bits |= 1 << (callLimit - 1 - nr)
		}
	}
	return bits
}

// extend switches the calls from callCount on on, or away for good, and reports
// whether it did. Until somebody who knows them asks for them they do not exist, so
// that no filter leaves them open by not knowing them.
func (c *Calls) extend(value int32) bool {
	o := &c.p.Options
	switch {
	case value == 0:
		o.NoExtensions, o.Extensions = true, false
	case value > 1 || o.NoExtensions:
		return false
	default:
		o.Extensions = true
	}
	return true
}

const maxByte = 255

// setopt answers setopt/2: true, or false for an option that does not exist and
// for what is not possible.
func (c *Calls) setopt() {
	name := c.word()
	value := c.args.Int()
	o := &c.p.Options
	on, number := toggle(o, name), optional(o, name)
	if value < 0 && number == nil {
		c.refuse(invalid)
	}
	if c.refused() {
		return
	}
	done := true
	switch {
	case on != nil:
		*on = value != 0
	case number == &o.Given.Umask && value > 0o777:
		done = false
	case number != nil:
		*number = max(value, -1)
	default:
		done = c.setOther(name, value)
	}
	c.possible(done)
}

// setOther sets an option for which more has to be done than to keep it, or that has a
// limit, and reports whether it did.
func (c *Calls) setOther(name []byte, value int32) bool {
	o := &c.p.Options
	switch string(name) {
	case "signaloneof":
		o.SignalOnEOF = min(value, maxByte)
	case "maxforkdepth":
		o.MaxForkDepth = min(value, maxByte)
	case "graceoneof":
		o.GraceOnEOF = value
	case "maxchild":
		return c.p.SetMaxChild(min(value, 1<<16-1))
	case "subreaper":
		return value != 0 && c.p.BecomeSubreaper()
	case "signalbelow":
		return c.signalBelow(value)
	case "extensions":
		return c.extend(value)
	default:
		return false
	}
	return true
}

// signalBelow signals all processes below this one. It can take as long as there
// are many of them.
func (c *Calls) signalBelow(signo int32) bool {
	const room = 512 << 10
	if int(signo) > signal.Max {
		return false
	}
	c.p.Flush()
	return c.p.SignalBelow(int(signo), c.mem.take(room))
}

func bit(v bool) int64 {
	if v {
		return 1
	}
	return 0
}

// filter answers filter/2: it blocks calls here, and in processes forked later.
func (c *Calls) filter() {
	self := c.bitmap()
	sub := c.bitmap()
	if c.refused() {
		return
	}
	c.p.AddFilter(self, sub)
	c.done(0)
}

const bitmapSize = callLimit / 8

// bitmap reads one bit for each call. A map that is too short for the calls from
// callCount on comes from somebody who does not know them: it blocks them.
func (c *Calls) bitmap() []byte {
	b := c.args.Binary()
	if len(b) > bitmapSize {
		c.refuse(invalid)
	}
	const short = (callCount + 7) / 8
	if len(b) == 0 || len(b) > short || !c.args.OK() {
		return b
	}
	all := c.mem.zeroed(bitmapSize)
	copy(all, b)
	for nr := callCount; nr < callLimit; nr++ {
		all[nr>>3] |= 1 << (nr & 7)
	}
	return all
}
