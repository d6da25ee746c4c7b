//go:build linux

// SPDX-License-Identifier: ISC

package calls

import (
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func TestTitles(t *testing.T) {
	const started = "alcove\x00-c\x00/tmp/fifo\x00A=1\x00B=2\x00"
	nul := func(s string, size int) string { return s + strings.Repeat("\x00", size-len(s)) }
	x := strings.Repeat("x", 400)
	for _, test := range []struct {
		name   string
		titles []string
		memory string
	}{
		{"a short one", []string{"title"}, nul("title", len(started))},
		{"one that is longer than the arguments", []string{"a title for ps to show"}, nul("a title for ps to show", len(started))},
		{"one as long as the name of the program", []string{"alcovx"}, nul("alcovx ", len(started))},
		{"one that does not fit", []string{x}, x[:len(started)-1] + "\x00"},
		{"a shorter one after a longer", []string{"longer", "short"}, nul("short", len(started))},
		{"text with a NUL", []string{"title\x00text"}, nul("title", len(started))},
		{"text that begins with a NUL", []string{"\x00text"}, started},
		{"no text", []string{"title", ""}, nul("alcove ", len(started))},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker()
			a.p.Title = []byte(started)
			for _, title := range test.titles {
				want(t, a.ask(nrSetproctitle, pt.Binary(title)), done)
			}
			if diff := cmp.Diff(test.memory, string(a.p.Title)); diff != "" {
				t.Errorf("memory (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTitlesHaveAtMost255Bytes(t *testing.T) {
	a := newAsker()
	a.p.Title = []byte(strings.Repeat("a", 1000))
	x := strings.Repeat("x", 300)
	want(t, a.ask(nrSetproctitle, pt.Binary(x)), done)
	if got := string(sys.CString(a.p.Title)); got != x[:255] {
		t.Errorf("the title has %d bytes", len(got))
	}
	if !zero(a.p.Title[255:]) {
		t.Error("the old contents show after the title")
	}
}

func TestTitlesThatHaveNoPlace(t *testing.T) {
	a := newAsker()
	a.p.Title = nil
	want(t, a.ask(nrSetproctitle, pt.Binary("title")), done)
	want(t, a.ask(nrSetproctitle, pt.Atom("title")), badarg)
}
