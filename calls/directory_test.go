// SPDX-License-Identifier: ISC

package calls

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/port/sys"
	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func create(t *testing.T, dir, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReaddirListsNamesAsTheyAre(t *testing.T) {
	dir := t.TempDir()
	expected := pt.Chained{pt.Binary("."), pt.Binary("..")}
	for _, name := range []string{"a", "\xff\xfe not UTF-8", strings.Repeat("n", 255), "new\nline"} {
		create(t, dir, name)
		expected = append(expected, pt.Binary(name))
	}
	got := newAsker().ask(nrReaddir, pt.Binary(dir))
	byName := cmpopts.SortSlices(func(a, b pt.Term) bool { return pt.Format(a) < pt.Format(b) })
	if diff := cmp.Diff(pt.Term(pt.Tuple{done, expected}), got, byName); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

func TestReaddirReadsMoreThanOneBufferOfNames(t *testing.T) {
	dir := t.TempDir()
	const n = 1500 // more than 32 KiB of entries, less than 64 KiB of reply
	for i := range n {
		create(t, dir, fmt.Sprint("file-", i))
	}
	reply, _ := newAsker().ask(nrReaddir, pt.Binary(dir)).(pt.Tuple)
	if names, _ := reply[1].(pt.Chained); len(names) != n+2 {
		t.Errorf("%d names, want %d", len(names), n+2)
	}
}

// bettered: D11, a reply that does not fit is an error.
func TestReaddirOfALargeDirectory(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		create(t, dir, fmt.Sprintf("%0250d", i))
	}
	a := newAsker()
	want(t, a.ask(nrReaddir, pt.Binary(dir)), errorTuple("emsgsize"))
	want(t, a.ask(nrReaddir, pt.Binary(dir+"/none")), errorTuple("enoent"))
	want(t, a.ask(nrReaddir, pt.Binary("/etc/passwd")), errorTuple("enotdir"))
	a.p.Options.Extensions = true
	want(t, a.ask(nrGetdents, -1), errorTuple("ebadf"))
	want(t, a.ask(nrGetdents, devNull(t)), errorTuple("enotdir"))
}

// pieces asks for the names in a directory until there are no more.
func (a *asker) pieces(t *testing.T, fd int) (all pt.Chained, n int) {
	t.Helper()
	a.p.Options.Extensions = true
	for ; ; n++ {
		reply, _ := a.ask(nrGetdents, fd).(pt.Tuple)
		if len(reply) != 2 || reply[0] != done {
			t.Fatalf("reply %s", pt.Format(reply))
		}
		names, more := reply[1].(pt.Chained)
		if !more {
			want(t, reply[1], pt.List{})
			return all, n
		}
		all = append(all, names...)
	}
}

func TestADirectoryOfAnySizeIsReadInPieces(t *testing.T) {
	dir := t.TempDir()
	expected := pt.Chained{pt.Binary("."), pt.Binary("..")}
	for i := range 2000 {
		name := fmt.Sprintf("%0*d", 1+i%250, i)
		create(t, dir, name)
		expected = append(expected, pt.Binary(name))
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := newAsker()
	want(t, a.ask(nrReaddir, pt.Binary(dir)), errorTuple("emsgsize"))
	got, n := a.pieces(t, int(f.Fd()))
	if len(got) != len(expected) {
		t.Errorf("%d names instead of %d", len(got), len(expected))
	}
	byName := cmpopts.SortSlices(func(a, b pt.Term) bool { return a.(pt.Binary) < b.(pt.Binary) })
	if diff := cmp.Diff(expected, got, byName); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if n < 3 {
		t.Errorf("%d pieces", n)
	}
}

// The shortest names make the greatest replies for what the kernel gives.
func TestAPieceFitsAtEveryDepth(t *testing.T) {
	dir := t.TempDir()
	for i := range 3000 {
		create(t, dir, fmt.Sprintf("%x", i))
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := newAsker()
	a.p.Depth = 255
	a.buf = make([]byte, 0, a.p.ReplyLimit())
	if got, _ := a.pieces(t, int(f.Fd())); len(got) != 3002 {
		t.Errorf("%d names", len(got))
	}
}

func TestWhatTheKernelCannotHaveWrittenIsNoName(t *testing.T) {
	entry := func(size int, name string) []byte {
		b := make([]byte, max(size, 32))
		b[0], b[16] = 1, byte(size)
		copy(b[sys.DirentName:], name)
		return b[:size]
	}
	for _, test := range []struct {
		name string
		b    []byte
		want bool
	}{
		{"an entry", entry(32, "a"), true},
		{"nothing", nil, true},
		{"a length of 0", make([]byte, 64), false},
		{"a length beyond the end", entry(32, "a")[:31], false},
		{"a length without a name", entry(sys.DirentName, "")[:sys.DirentName], false},
		{"the beginning of an entry", entry(32, "a")[:8], false},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker()
			a.Calls.reply = &a.reply
			a.reply.Reset(a.buf)
			if got := a.entries(test.b); got != test.want {
				t.Errorf("taken for entries: %t", got)
			}
		})
	}
}

// bettered: D11, read is cut to what fits.
func TestReadIsCutToWhatFits(t *testing.T) {
	// A regular file, since a signal of the runtime cuts a read of a device.
	f, err := os.Create(filepath.Join(t.TempDir(), "zeros"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 20); err != nil {
		t.Fatal(err)
	}
	a := newAsker()
	const overhead = 12
	limit := a.p.ReplyLimit()
	for _, count := range []pt.Term{limit - overhead, limit, 65535, ^uint64(0)} {
		want(t, a.ask(nrRead, int(f.Fd()), count), pt.Tuple{done, pt.Binary(make([]byte, limit-overhead))})
	}
	want(t, a.ask(nrRead, int(f.Fd()), 0), pt.Tuple{done, pt.Binary("")})
	want(t, a.ask(nrRead, -1, 0), errorTuple("ebadf"))
	want(t, a.ask(nrRead, int(f.Fd()), -1), badarg)
}

// bettered: D14, a list of bytes is one of integers up to 255.
func TestGroupsAreReadFromBothKindsOfLists(t *testing.T) {
	for _, test := range []decoding[[]uint32]{
		{"no groups", pt.List{}, []uint32{}, accepted},
		{"bytes", pt.String("\xc8\x01"), []uint32{200, 1}, accepted},
		{"integers", pt.List{70000, 200, 1<<32 - 1}, []uint32{70000, 200, 1<<32 - 1}, accepted},
		{"any tail", improper(pt.Atom("x"), 300), []uint32{300}, accepted},
		{"a negative integer", pt.List{300, -1}, nil, bad},
		{"an atom", pt.List{300, pt.Atom("x")}, nil, bad},
		{"no list", 300, nil, bad},
	} {
		test.run(t, (*Calls).groups)
	}
}
