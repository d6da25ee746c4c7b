package calls

import (
	"encoding/binary"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func ptr(v Term) Term { return Tuple{Atom("ptr"), v} }

func TestAllocShowsAStructure(t *testing.T) {
	null := Binary("\x00\x00\x00\x00\x00\x00\x00\x00")
	for _, test := range []struct {
		name  string
		arg   Term
		bytes Term // of the structure
		list  Term
	}{
		{"bytes follow each other", List{Binary("a"), Binary("bc")}, Binary("abc"), List{Binary("a"), Binary("bc")}},
		{"an empty binary adds nothing", List{Binary("")}, Binary(""), List{Binary("")}},
		{"a pointer to no bytes is null", List{ptr(0), ptr(Binary(""))}, null + null, List{null, null}},
		{"a tail is not looked at", improper(Float(1), Binary("a")), Binary("a"), List{Binary("a")}},
		{"a tail can be missing", Raw("\x6c\x00\x00\x00\x01\x6d\x00\x00\x00\x01a"), Binary("a"), List{Binary("a")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, newAsker().ask(nrAlloc, test.arg), Tuple{done, test.bytes, test.list})
		})
	}
}

func TestAllocMakesBlocks(t *testing.T) {
	arg := List{ptr(Binary("xyz")), Binary("12345678"), ptr(20)}
	a := newAsker()
	reply := a.ask(nrAlloc, arg).(Tuple)
	want(t, reply[2], List{ptr(Binary("xyz")), Binary("12345678"), ptr(Binary(make([]byte, 20)))})
	bytes := []byte(reply[1].(Binary))
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
	elements := func(n int) List {
		l := List{}
		for range n {
			l = append(l, Binary(""))
		}
		return l
	}
	for _, test := range []struct {
		name string
		arg  Term
	}{
		{"an empty list", List{}},
		{"a list without elements", improper(List{})},
		{"too many elements", elements(maxElements + 1)},
		{"bytes", String("abc")},
		{"a binary", Binary("abc")},
		{"an integer as an element", List{1, Binary("a")}},
		{"a string as an element", List{Binary("a"), String("b")}},
		{"a list as an element", List{List{Binary("a")}}},
		{"another tag", List{Tuple{Atom("PTR"), 1}}},
		{"a larger tuple", List{Tuple{Atom("ptr"), 1, 1}}},
		{"a tuple in the long encoding", List{LargeTuple{Atom("ptr"), 1}}},
		{"a negative size", List{ptr(-1)}},
		{"a size in a big", List{ptr(SmallBig(0, 1))}},
		{"a size that is a string", List{ptr(String("a"))}},
		{"a block that is too large", List{ptr(65536)}},
		{"blocks that are too large", List{ptr(40000), ptr(25536)}},
		{"the greatest size", List{ptr(Integer(1<<31 - 1)), ptr(Integer(1<<31 - 1))}},
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
		arg  Term
		want Term
	}{
		{List{Binary(make([]byte, 128))}, errorTuple("ebadf")},
		{List{Binary(make([]byte, 120)), ptr(9)}, errorTuple("ebadf")},
		{List{Binary(make([]byte, 129))}, badarg},
		{List{Binary(make([]byte, 121)), ptr(1)}, badarg},
		{List{}, errorTuple("ebadf")},
		{Binary("x"), badarg},
	} {
		want(t, newAsker().ask(nrConnect, noSocket, test.arg), test.want)
	}
}

// bettered: D15, arguments after a structure keep their places.
func TestArgumentsAfterAStructureKeepTheirPlaces(t *testing.T) {
	name := List{Binary(make([]byte, 8)), Binary(make([]byte, 8))}
	for _, arg := range []Term{name, improper(Tuple{1}, name...)} {
		reply := newAsker().ask(nrPrctl, Atom("pr_get_name"), arg, 5, List{Binary("x")}, 7).(Tuple)
		want(t, reply[3:], Tuple{5, List{Binary("x")}, 7})
	}
	want(t, newAsker().ask(nrPrctl, Atom("pr_get_name"), improper(Float(1), name...), 5, 6, 7), badarg)
}

// bettered: D16, both addresses may be structures.
func TestBothAddressesOfPtraceMayBeStructures(t *testing.T) {
	const noProcess = -1
	s := List{Binary("x"), ptr(100)}
	want(t, newAsker().ask(nrPtrace, Atom("ptrace_cont"), noProcess, s, s), errorTuple("esrch"))
}

func TestBuffersComeBackInTheirSize(t *testing.T) {
	a := newAsker()
	whole := a.ask(nrPrctl, Atom("pr_get_name"), Binary(make([]byte, 16)), 0, List{}, 0).(Tuple)
	name := whole[2].(Binary)
	want(t, whole, Tuple{done, 0, name, 0, 0, 0})
	if len(name) != 16 || name[0] == 0 || name[15] != 0 {
		t.Fatalf("the name of the thread is %q", name)
	}
	for _, n := range []int{0, 3} {
		want(t, a.ask(nrPrctl, Atom("pr_get_name"), Binary(make([]byte, n)), Atom("pr_set_name"), 0, 0),
			Tuple{done, 0, name[:n], 15, 0, 0})
	}
	want(t, a.ask(nrPrctl, Atom("pr_get_name"), List{Binary("ab"), Binary("c")}, 0, 0, 0),
		Tuple{done, 0, List{name[:2], name[2:3]}, 0, 0, 0})
}

func TestPrctlArguments(t *testing.T) {
	const option = -1 // no such option, which the kernel finds out after us
	for _, test := range []struct {
		name string
		arg  Term
		want Term
	}{
		{"a name", Atom("pr_set_name"), errorTuple("einval")},
		{"an unknown name", Atom("sigkill"), errorTuple("enotsup")},
		{"a name whose value is negative", Atom("pr_set_ptracer_any"), badarg},
		{"a name whose value is too large", Atom("seccomp_ret_kill_process"), badarg},
		{"a negative integer", -1, badarg},
		{"a big", SmallBig(0, 1), badarg},
		{"a string", String("x"), badarg},
		{"a tuple", Tuple{1}, badarg},
		{"a float", Float(1), badarg},
	} {
		for place := range 4 {
			args := []Term{option, 0, 0, 0, 0}
			args[1+place] = test.arg
			t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrPrctl, args...), test.want) })
		}
	}
}

func TestIoctlArguments(t *testing.T) {
	const noFile = -1
	for _, test := range []struct {
		name string
		args []Term
		want Term
	}{
		{"a negative integer", []Term{noFile, Atom("fionread"), -1}, errorTuple("ebadf")},
		{"a request in a big", []Term{noFile, uint64(0x800454d2), Binary("")}, errorTuple("ebadf")},
		{"a request in capitals", []Term{noFile, Atom("FIONREAD"), Binary("x")}, errorTuple("ebadf")},
		{"an unknown request comes before a bad argument", []Term{noFile, Atom("zip"), List{}}, errorTuple("enotsup")},
		{"a bad descriptor comes before an unknown request", []Term{Atom("x"), Atom("zip"), 0}, badarg},
		{"the empty list", []Term{noFile, 0, List{}}, badarg},
		{"a string", []Term{noFile, 0, String("x")}, badarg},
		{"a big", []Term{noFile, 0, SmallBig(0, 1)}, badarg},
		{"an atom", []Term{noFile, 0, Atom("fionread")}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(nrIoctl, test.args...), test.want) })
	}
}
