// SPDX-License-Identifier: ISC

package calls

import (
	"math"
	"os"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func timeval(sec, usec pt.Term) pt.Term { return pt.Tuple{pt.Atom("alcove_timeval"), sec, usec} }

// selected asks until no signal of the Go runtime interrupts.
func (a *asker) selected(args ...pt.Term) pt.Term {
	for {
		reply := a.ask(nrSelect, args...)
		if !cmp.Equal(reply, errorTuple("eintr")) {
			return reply
		}
	}
}

func TestSelectTellsWhichDescriptorsAreReady(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	in, out, none := int(r.Fd()), int(w.Fd()), pt.List{}
	a := newAsker()
	want(t, a.selected(pt.List{in}, pt.List{out, out}, none, none), pt.Tuple{done, none, pt.List{out}, none})
	want(t, a.selected(pt.List{in}, none, none, timeval(0, 1)), pt.Tuple{done, none, none, none})
	if _, err := w.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	want(t, a.selected(pt.List{in}, pt.List{out}, pt.List{in}, none), pt.Tuple{done, pt.List{in}, pt.List{out}, none})
	// As Erlang encodes a list of small integers.
	want(t, a.selected(pt.String([]byte{byte(in)}), none, none, none), pt.Tuple{done, pt.List{in}, none, none})
}

// bettered: D14, a list of bytes is one of integers up to 255.
func TestSelectKnowsDescriptorsUpTo1023(t *testing.T) {
	null := devNull(t)
	none := pt.List{}
	a := newAsker()
	for _, fd := range []int{127, 128, 255, 256, 1023, 1024} {
		if err := unix.Dup3(null, fd, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		set, expected := pt.Term(pt.List{fd}), pt.Term(pt.Tuple{done, pt.List{fd}, none, none})
		if fd < 256 {
			set = pt.String([]byte{byte(fd)})
		}
		if fd > 1023 {
			expected = errorTuple("ebadf")
		}
		want(t, a.selected(set, none, none, none), expected)
	}
	want(t, a.selected(pt.List{1023, 128, 1023}, pt.String("\x80\x7f"), none, none),
		pt.Tuple{done, pt.Chained{128, 1023}, pt.Chained{127, 128}, none})
}

// bettered: D13, failures of select(2) have a name.
func TestSelectRefuses(t *testing.T) {
	null := devNull(t)
	none := pt.List{}
	many := pt.List{}
	for range maxSelect {
		many = append(many, null)
	}
	ebadf, einval := errorTuple("ebadf"), errorTuple("einval")
	for _, test := range []struct {
		name string
		args []pt.Term
		want pt.Term
	}{
		{"a closed descriptor", []pt.Term{pt.List{1 << 9}, none, none, none}, ebadf},
		{"a negative one", []pt.Term{none, pt.List{-1}, none, none}, ebadf},
		{"an atom for a set", []pt.Term{none, none, pt.Atom("x"), none}, ebadf},
		{"a binary for a set", []pt.Term{pt.Binary("\x00"), none, none, none}, ebadf},
		{"an atom for a descriptor", []pt.Term{pt.List{pt.Atom("x")}, none, none, none}, ebadf},
		{"an improper list", []pt.Term{improper(1, null), none, none, none}, ebadf},
		{"too many descriptors", []pt.Term{many, none, none, none}, ebadf},
		{"a bad set before a bad time", []pt.Term{pt.Atom("x"), none, none, pt.Atom("x")}, ebadf},
		{"another time", []pt.Term{none, none, none, 5}, badarg},
		{"another record", []pt.Term{none, none, none, pt.Tuple{pt.Atom("timeval"), 0, 0}}, badarg},
		{"half a record", []pt.Term{none, none, none, pt.Tuple{pt.Atom("alcove_timeval"), 0}}, badarg},
		{"negative seconds", []pt.Term{none, none, none, timeval(-1, 0)}, einval},
		{"negative microseconds", []pt.Term{none, none, none, timeval(0, -1)}, einval},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().selected(test.args...), test.want) })
	}
	want(t, newAsker().selected(none, many[1:], none, none), pt.Tuple{done, none, pt.List{null}, none})
}

func TestMicrosecondsCarryOver(t *testing.T) {
	const most = math.MaxInt64
	for _, test := range []struct {
		sec, usec pt.Term
		want      syscall.Timespec
	}{
		{0, 0, syscall.Timespec{}},
		{1, 2, syscall.Timespec{Sec: 1, Nsec: 2000}},
		{1, 1500000, syscall.Timespec{Sec: 2, Nsec: 500000000}},
		{most, 999999, syscall.Timespec{Sec: most, Nsec: 999999000}},
		{most, 1000000, syscall.Timespec{Sec: most, Nsec: 999999999}},
	} {
		ts, why := decoded(timeval(test.sec, test.usec), (*Calls).timeout)
		if why.refused || ts[0] != test.want {
			t.Errorf("%v s and %v µs are %+v, want %+v", test.sec, test.usec, ts, test.want)
		}
	}
}
