// SPDX-License-Identifier: ISC

package calls

import (
	"encoding/binary"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func ptr(v pt.Term) pt.Term { return pt.Tuple{pt.Atom("ptr"), v} }

func TestAllocShowsAStructure(t *testing.T) {
	null := pt.Binary("\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, test := range []struct {
		name  string
		arg   pt.Term
		bytes pt.Term // of the structure
		list  pt.Term
	}{
		{"bytes follow each other", pt.List{pt.Binary("a"), pt.Binary("bc")}, pt.Binary("abc"), pt.List{pt.Binary("a"), pt.Binary("bc")}},
		{"an empty binary adds nothing", pt.List{pt.Binary("")}, pt.Binary(""), pt.List{pt.Binary("")}},
		{"a pointer to no bytes is null", pt.List{ptr(0), ptr(pt.Binary(""))}, null + null, pt.List{null, null}},
		{"a tail is not looked at", improper(pt.Float(1), pt.Binary("a")), pt.Binary("a"), pt.List{pt.Binary("a")}},
		{"a tail can be missing", pt.Raw("\x6c\x00\x00\x00\x01\x6d\x00\x00\x00\x01a"), pt.Binary("a"), pt.List{pt.Binary("a")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, newAsker().ask(nrAlloc, test.arg), pt.Tuple{done, test.bytes, test.list})
		})
	}
}

func TestAllocMakesBlocks(t *testing.T) {
	arg := pt.List{ptr(pt.Binary("xyz")), pt.Binary("12345678"), ptr(20)}
	a := newAsker()
	reply := a.ask(nrAlloc, arg).(pt.Tuple)
	want(t, reply[2], pt.List{ptr(pt.Binary("xyz")), pt.Binary("12345678"), ptr(pt.Binary(make([]byte, 20)))})
	bytes := []byte(reply[1].(pt.Binary))
	base := uint64(address(a.mem.buf))
	for _, test := range []struct {
		at       int
		contents string
	}{
		{0, "xyz"},
		{16, string(make([]byte, 20))},
	} {
		addr := binary.NativeEndian.Uint64(bytes[test.at:])
		if addr%blockAlign != 0 {
			t.Errorf("the block at %#x is not aligned", addr)
		}
		got := string(a.mem.buf[addr-base:][:len(test.contents)])
		if diff := cmp.Diff(test.contents, got); diff != "" {
			t.Errorf("block of the pointer at %d (-want +got):\n%s", test.at, diff)
		}
	}
}

func TestStructuresThatAreRefused(t *testing.T) {
	elements := func(n int) pt.List {
		l := pt.List{}
		for range n {
			l = append(l, pt.Binary(""))
		}
		return l
	}
	for _, test := range []struct {
		name string
		arg  pt.Term
	}{
		{"an empty list", pt.List{}},
		{"a list without elements", improper(pt.List{})},
		{"too many elements", elements(maxElements + 1)},
		{"bytes", pt.String("abc")},
		{"a binary", pt.Binary("abc")},
		{"an integer as an element", pt.List{1, pt.Binary("a")}},
		{"a string as an element", pt.List{pt.Binary("a"), pt.String("b")}},
		{"a list as an element", pt.List{pt.List{pt.Binary("a")}}},
		{"another tag", pt.List{pt.Tuple{pt.Atom("PTR"), 1}}},
		{"a larger tuple", pt.List{pt.Tuple{pt.Atom("ptr"), 1, 1}}},
		{"a tuple in the long encoding", pt.List{pt.LargeTuple{pt.Atom("ptr"), 1}}},
		{"a negative size", pt.List{ptr(-1)}},
		{"a size in a big", pt.List{ptr(pt.SmallBig(0, 1))}},
		{"a size that is a string", pt.List{ptr(pt.String("a"))}},
		{"a block that is too large", pt.List{ptr(65536)}},
		{"blocks that are too large", pt.List{ptr(40000), ptr(25536)}},
		{"the greatest size", pt.List{ptr(pt.Integer(1<<31 - 1)), ptr(pt.Integer(1<<31 - 1))}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, newAsker().ask(nrAlloc, test.arg), badarg)
		})
	}
	if got := newAsker().ask(nrAlloc, elements(maxElements)); got == badarg {
		t.Errorf("%d elements are refused", maxElements)
	}
}

func TestStructuresHaveTheCapacityOfTheCall(t *testing.T) {
	const noSocket = -1
	for _, test := range []struct {
		arg  pt.Term
		want pt.Term
	}{
		{pt.List{pt.Binary(make([]byte, 128))}, errorTuple("ebadf")},
		{pt.List{pt.Binary(make([]byte, 120)), ptr(9)}, errorTuple("ebadf")},
		{pt.List{pt.Binary(make([]byte, 129))}, badarg},
		{pt.List{pt.Binary(make([]byte, 121)), ptr(1)}, badarg},
		{pt.List{}, errorTuple("ebadf")},
		{pt.Binary("x"), badarg},
	} {
		want(t, newAsker().ask(nrConnect, noSocket, test.arg), test.want)
	}
}

// bettered: D15, arguments after a structure keep their places.
func TestArgumentsAfterAStructureKeepTheirPlaces(t *testing.T) {
	name := pt.List{pt.Binary(make([]byte, 8)), pt.Binary(make([]byte, 8))}
	for _, arg := range []pt.Term{name, improper(pt.Tuple{1}, name...)} {
		reply := newAsker().ask(nrPrctl, pt.Atom("pr_get_name"), arg, 5, pt.List{pt.Binary("x")}, 7).(pt.Tuple)
		want(t, reply[3:], pt.Tuple{5, pt.List{pt.Binary("x")}, 7})
	}
	want(t, newAsker().ask(nrPrctl, pt.Atom("pr_get_name"), improper(pt.Float(1), name...), 5, 6, 7), badarg)
}

// bettered: D16, both addresses may be structures.
func TestBothAddressesOfPtraceMayBeStructures(t *testing.T) {
	const noProcess = -1
	s := pt.List{pt.Binary("x"), ptr(100)}
	want(t, newAsker().ask(nrPtrace, pt.Atom("ptrace_cont"), noProcess, s, s), errorTuple("esrch"))
}

func TestBuffersComeBackInTheirSize(t *testing.T) {
	a := newAsker()
	whole := a.ask(nrPrctl, pt.Atom("pr_get_name"), pt.Binary(make([]byte, 16)), 0, pt.List{}, 0).(pt.Tuple)
	name := whole[2].(pt.Binary)
	want(t, whole, pt.Tuple{done, 0, name, 0, 0, 0})
	if len(name) != 16 || name[0] == 0 || name[15] != 0 {
		t.Fatalf("the name of the thread is %q", name)
	}
	for _, n := range []int{0, 3} {
		want(t, a.ask(nrPrctl, pt.Atom("pr_get_name"), pt.Binary(make([]byte, n)), pt.Atom("pr_set_name"), 0, 0),
			pt.Tuple{done, 0, name[:n], 15, 0, 0})
	}
	want(t, a.ask(nrPrctl, pt.Atom("pr_get_name"), pt.List{pt.Binary("ab"), pt.Binary("c")}, 0, 0, 0),
		pt.Tuple{done, 0, pt.List{name[:2], name[2:3]}, 0, 0, 0})
}

func TestPrctlArguments(t *testing.T) {
	const option = -1 // no such option, which the kernel finds out after us
	for _, test := range []struct {
		name string
		arg  pt.Term
		want pt.Term
	}{
		{"a name", pt.Atom("pr_set_name"), errorTuple("einval")},
		{"an unknown name", pt.Atom("sigkill"), errorTuple("enotsup")},
		{"a name whose value is negative", pt.Atom("pr_set_ptracer_any"), badarg},
		{"a name whose value is too large", pt.Atom("seccomp_ret_kill_process"), badarg},
		{"a negative integer", -1, badarg},
		{"a big", pt.SmallBig(0, 1), badarg},
		{"a string", pt.String("x"), badarg},
		{"a tuple", pt.Tuple{1}, badarg},
		{"a float", pt.Float(1), badarg},
	} {
		for place := range 4 {
			args := []pt.Term{option, 0, 0, 0, 0}
			args[1+place] = test.arg
			t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrPrctl, args...), test.want) })
		}
	}
}

func TestIoctlArguments(t *testing.T) {
	const noFile = -1
	for _, test := range []struct {
		name string
		args []pt.Term
		want pt.Term
	}{
		{"a negative integer", []pt.Term{noFile, pt.Atom("fionread"), -1}, errorTuple("ebadf")},
		{"a request in a big", []pt.Term{noFile, uint64(0x800454d2), pt.Binary("")}, errorTuple("ebadf")},
		{"a request in capitals", []pt.Term{noFile, pt.Atom("FIONREAD"), pt.Binary("x")}, errorTuple("ebadf")},
		{"an unknown request comes before a bad argument", []pt.Term{noFile, pt.Atom("zip"), pt.List{}}, errorTuple("enotsup")},
		{"a bad descriptor comes before an unknown request", []pt.Term{pt.Atom("x"), pt.Atom("zip"), 0}, badarg},
		{"the empty list", []pt.Term{noFile, 0, pt.List{}}, badarg},
		{"a string", []pt.Term{noFile, 0, pt.String("x")}, badarg},
		{"a big", []pt.Term{noFile, 0, pt.SmallBig(0, 1)}, badarg},
		{"an atom", []pt.Term{noFile, 0, pt.Atom("fionread")}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrIoctl, test.args...), test.want) })
	}
}
