// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// maxTitle is what the kernel keeps of the arguments of a process, unless the
// system is set to keep more: it forgets longer ones altogether.
const maxTitle = 240

type title struct{}

// setproctitle answers setproctitle/1, always with ok. As with setproctitle(3)
// the name of the program stands before the title. The empty title is the name
// that the program was called by.
func (c *Calls) setproctitle() {
	b := c.text(maxData)
	if c.refused() {
		return
	}
	switch title := sys.CString(b); {
	case len(b) == 0:
		c.show(c.p.Arg0, nil)
	case len(title) > 0:
		c.show(baseName(c.p.Arg0), title)
	}
	c.done(0)
}

// show makes ps(1) show a name and a title as the arguments of the process.
func (c *Calls) show(name, title []byte) {
	shown := c.mem.take(maxTitle + 1)
	n := copy(shown[:maxTitle], name)
	if len(title) > 0 {
		n += copy(shown[n:maxTitle], ": ")
		n += copy(shown[n:maxTitle], title)
	}
	shown[n] = 0
	what := [...]int32{sys.CTL_KERN, sys.KERN_PROC, sys.KERN_PROC_ARGS, int32(c.p.Pid)}
	sys.Sysctl(what[:], nil, shown[:n+1])
}

// baseName returns what follows the last slash.
func baseName(path []byte) []byte {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}
