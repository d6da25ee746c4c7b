package calls

import "github.com/alcove-go/alcove/port/signal"

// getopt answers getopt/1 with the value of an option, or false.
func (c *Calls) getopt() {
	name := c.word()
	if c.refused() {
		return
	}
	o := &c.p.Options
	switch string(name) {
	case "exit_status":
		c.reply.Int(bit(o.ExitStatus))
	case "termsig":
		c.reply.Int(bit(o.TermSig))
	case "stdin_closed":
		c.reply.Int(bit(o.StdinClosed))
	case "stdout_closed":
		c.reply.Int(bit(o.StdoutClosed))
	case "stderr_closed":
		c.reply.Int(bit(o.StderrClosed))
	case "stdin_taken":
		c.reply.Int(bit(o.StdinTaken))
	case "usage":
		c.reply.Int(bit(o.Usage))
	case "flowcontrol":
		c.reply.Int(int64(o.FlowControl))
	case "flowbytes":
		c.reply.Int(int64(o.FlowBytes))
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
	case "stdin":
		c.reply.Int(int64(o.Given.Stdio[0]))
	case "stdout":
		c.reply.Int(int64(o.Given.Stdio[1]))
	case "stderr":
		c.reply.Int(int64(o.Given.Stdio[2]))
	case "umask":
		c.reply.Int(int64(o.Given.Umask))
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
	if value < 0 && !mayBeNegative(name) {
		c.refuse(invalid)
	}
	if c.refused() {
		return
	}
	o, done := &c.p.Options, true
	switch string(name) {
	case "exit_status":
		o.ExitStatus = value != 0
	case "termsig":
		o.TermSig = value != 0
	case "stdin_closed":
		o.StdinClosed = value != 0
	case "stdout_closed":
		o.StdoutClosed = value != 0
	case "stderr_closed":
		o.StderrClosed = value != 0
	case "stdin_taken":
		o.StdinTaken = value != 0
	case "usage":
		o.Usage = value != 0
	case "flowcontrol":
		o.FlowControl = max(value, -1)
	case "flowbytes":
		o.FlowBytes = max(value, -1)
	case "signaloneof":
		o.SignalOnEOF = min(value, maxByte)
	case "maxchild":
		done = c.p.SetMaxChild(min(value, 1<<16-1))
	case "maxforkdepth":
		o.MaxForkDepth = min(value, maxByte)
	case "subreaper":
		done = value != 0 && c.p.BecomeSubreaper()
	case "graceoneof":
		o.GraceOnEOF = value
	case "signalbelow":
		done = c.signalBelow(value)
	case "stdin":
		o.Given.Stdio[0] = max(value, -1)
	case "stdout":
		o.Given.Stdio[1] = max(value, -1)
	case "stderr":
		o.Given.Stdio[2] = max(value, -1)
	case "umask":
		if done = value <= 0o777; done {
			o.Given.Umask = max(value, -1)
		}
	case "extensions":
		done = c.extend(value)
	default:
		done = false
	}
	c.possible(done)
}

// mayBeNegative reports whether the option of that name is one for which -1 stands for
// none.
func mayBeNegative(name []byte) bool {
	switch string(name) {
	case "flowcontrol", "flowbytes", "stdin", "stdout", "stderr", "umask":
		return true
	}
	return false
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
