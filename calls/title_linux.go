// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

const maxTitle = 255

// A title is the state of setproctitle.
type title struct {
	set bool // the arguments are already overwritten
}

// setproctitle answers setproctitle/1, always with ok. The title is put where
// ps(1) looks: in the memory of the program's first arguments and environment.
// The empty title is the name that the program was called by.
func (c *Calls) setproctitle() {
	b := c.text(maxData)
	if c.refused() {
		return
	}
	if len(b) == 0 {
		b = c.p.Arg0
	}
	if b = sys.CString(b); len(b) > 0 {
		c.title.put(c.p.Title, b, len(c.p.Arg0))
	}
	c.done(0)
}

// put writes a title over region, which begins with the arguments. The first
// of them had the size arg0.
func (t *title) put(region, title []byte, arg0 int) {
	if len(region) == 0 {
		return
	}
	if t.set {
		clear(region[:min(len(region), maxTitle+1)])
	} else {
		clear(region)
		t.set = true
	}
	title = title[:min(len(title), maxTitle, len(region)-1)]
	n := copy(region, title)
	if n == arg0 && n+1 < len(region) {
		region[n] = ' ' // so that no old name is mistaken for the new one
	}
}
