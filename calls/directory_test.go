package calls

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
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
	expected := Chained{Binary("."), Binary("..")}
	for _, name := range []string{"a", "\xff\xfe not UTF-8", strings.Repeat("n", 255), "new\nline"} {
		create(t, dir, name)
		expected = append(expected, Binary(name))
	}
	got := newAsker().ask(nrReaddir, Binary(dir))
	byName := cmpopts.SortSlices(func(a, b Term) bool { return Format(a) < Format(b) })
	if diff := cmp.Diff(Term(Tuple{done, expected}), got, byName); diff != "" {
		t.Errorf("reply (-want +got):\n%s", diff)
	}
}

func TestReaddirReadsMoreThanOneBufferOfNames(t *testing.T) {
	dir := t.TempDir()
	const n = 1500 // more than 32 KiB of entries, less than 64 KiB of reply
	for i := range n {
		create(t, dir, fmt.Sprint("file-", i))
	}
	reply, _ := newAsker().ask(nrReaddir, Binary(dir)).(Tuple)
	if names, _ := reply[1].(Chained); len(names) != n+2 {
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
	want(t, a.ask(nrReaddir, Binary(dir)), errorTuple("emsgsize"))
	want(t, a.ask(nrReaddir, Binary(dir+"/none")), errorTuple("enoent"))
	want(t, a.ask(nrReaddir, Binary("/etc/passwd")), errorTuple("enotdir"))
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
	for _, count := range []Term{limit - overhead, limit, 65535, ^uint64(0)} {
		want(t, a.ask(nrRead, int(f.Fd()), count), Tuple{done, Binary(make([]byte, limit-overhead))})
	}
	want(t, a.ask(nrRead, int(f.Fd()), 0), Tuple{done, Binary("")})
	want(t, a.ask(nrRead, -1, 0), errorTuple("ebadf"))
	want(t, a.ask(nrRead, int(f.Fd()), -1), badarg)
}

// bettered: D14, a list of bytes is one of integers up to 255.
func TestGroupsAreReadFromBothKindsOfLists(t *testing.T) {
	for _, test := range []decoding[[]uint32]{
		{"no groups", List{}, []uint32{}, accepted},
		{"bytes", String("\xc8\x01"), []uint32{200, 1}, accepted},
		{"integers", List{70000, 200, 1<<32 - 1}, []uint32{70000, 200, 1<<32 - 1}, accepted},
		{"any tail", improper(Atom("x"), 300), []uint32{300}, accepted},
		{"a negative integer", List{300, -1}, nil, bad},
		{"an atom", List{300, Atom("x")}, nil, bad},
		{"no list", 300, nil, bad},
	} {
		test.run(t, (*Calls).groups)
	}
}
