// SPDX-License-Identifier: ISC

package calls

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var testConstants = []constant{
	{"one", 1}, {"two", 2}, {"minus", -1}, {"one", 7},
	{"most", math.MaxInt32}, {"least", math.MinInt32}, {"large", 1 << 31},
}

// A refusal is the reason why an argument was refused.
type refusal struct {
	refused bool
	fault   sys.Errno
}

var (
	accepted    = refusal{}
	bad         = refusal{refused: true}
	unsupported = refusal{true, unix.ENOTSUP}
)

// decoded reads one argument and tells what became of it.
func decoded[T any](arg pt.Term, read func(*Calls) T) (T, refusal) {
	c := newAsker().Calls
	c.row = &call{names: testConstants}
	c.args.Reset(append(pt.Encode(arg), 0, 0))
	c.args.Version()
	v := read(c)
	return v, refusal{!c.args.OK(), c.fault}
}

type decoding[T any] struct {
	name    string
	arg     pt.Term
	value   T
	refusal refusal
}

func (d decoding[T]) run(t *testing.T, read func(*Calls) T) {
	t.Run(d.name, func(t *testing.T) {
		value, why := decoded(d.arg, read)
		if why != d.refusal {
			t.Fatalf("refused: %+v, want %+v", why, d.refusal)
		}
		if !why.refused && !cmp.Equal(value, d.value) {
			t.Errorf("value %v, want %v", value, d.value)
		}
	})
}

func TestConstant(t *testing.T) {
	for _, test := range []decoding[int32]{
		{"a name", pt.Atom("two"), 2, accepted},
		{"a name in capitals", pt.Atom("TWO"), 2, accepted},
		{"the first of two equal names", pt.Atom("One"), 1, accepted},
		{"a name with text after a NUL", pt.Atom("two\x00x"), 2, accepted},
		{"a name in an old encoding", pt.AtomExt("two"), 2, accepted},
		{"a negative value", pt.Atom("minus"), -1, accepted},
		{"the greatest value", pt.Atom("most"), math.MaxInt32, accepted},
		{"the least value", pt.Atom("least"), math.MinInt32, accepted},
		{"a value that is too large", pt.Atom("large"), 0, bad},
		{"an unknown name", pt.Atom("three"), 0, unsupported},
		{"part of a name", pt.Atom("tw"), 0, unsupported},
		{"the empty name", pt.Atom(""), 0, unsupported},
		{"a name that Latin-1 has no letters for", pt.AtomUTF8("\u03b1"), 0, bad},
		{"a small integer", 255, 255, accepted},
		{"a negative integer", pt.Integer(-2), -2, accepted},
		{"a big", pt.SmallBig(0, 1), 0, bad},
		{"a binary", pt.Binary("two"), 0, bad},
		{"a string", pt.String("two"), 0, bad},
		{"a list", pt.List{pt.Atom("two")}, 0, bad},
		{"the empty list", pt.List{}, 0, bad},
		{"a float", pt.Float(1), 0, bad},
	} {
		test.run(t, func(c *Calls) int32 { return c.constant(testConstants) })
	}
}

func TestConstant64(t *testing.T) {
	for _, test := range []decoding[int64]{
		{"a name", pt.Atom("large"), 1 << 31, accepted},
		{"an unknown name", pt.Atom("three"), 0, unsupported},
		{"an integer", pt.Integer(-2), -2, accepted},
		{"the greatest big", math.MaxInt64, math.MaxInt64, accepted},
		{"the least big", math.MinInt64, math.MinInt64, accepted},
		{"a big that is too large", uint64(1 << 63), 0, bad},
		{"a large big", pt.LargeBig(0, 1), 0, bad},
		{"a binary", pt.Binary("one"), 0, bad},
	} {
		test.run(t, func(c *Calls) int64 { return c.constant64(testConstants) })
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []decoding[int32]{
		{"no flags", pt.List{}, 0, accepted},
		{"an integer", 5, 5, accepted},
		{"a negative integer", pt.Integer(-5), -5, accepted},
		{"names and integers", pt.List{pt.Atom("one"), pt.Integer(0x100), pt.Atom("two")}, 0x103, accepted},
		{"a list without elements", improper(pt.List{}), 0, accepted},
		{"bytes", pt.String("\x01\x02"), 3, accepted},
		{"bytes after a zero", pt.String("\x01\x00\x02"), 3, accepted},
		{"bytes of 128 and more", pt.String("\xc8\x01"), 0xc9, accepted},
		{"the first wrong element is unknown", pt.List{pt.Atom("three"), pt.Binary("")}, 0, unsupported},
		{"the first wrong element has a wrong type", pt.List{pt.Binary(""), pt.Atom("three")}, 0, bad},
		{"an improper list", improper(pt.Atom("one"), pt.Atom("one")), 0, bad},
		{"an improper list with an unknown name", improper(1, pt.Atom("three")), 0, unsupported},
		{"a name that is not in a list", pt.Atom("one"), 0, bad},
		{"a value that is too large", pt.List{pt.Atom("large")}, 0, bad},
		{"a big", pt.SmallBig(0, 1), 0, bad},
		{"a binary", pt.Binary("\x01"), 0, bad},
		{"a tuple", pt.Tuple{pt.Atom("one")}, 0, bad},
	} {
		test.run(t, func(c *Calls) int32 { return c.flags(testConstants) })
	}
}

func TestFlagsWithoutTheHighestBit(t *testing.T) {
	for _, test := range []decoding[uintptr]{
		{"the greatest", pt.Integer(math.MaxInt32), math.MaxInt32, accepted},
		{"bytes of 128 and more", pt.String("\x80"), 128, accepted},
		{"a negative name", pt.List{pt.Atom("minus")}, 0, bad},
		{"a negative integer", pt.Integer(-1), 0, bad},
		{"an unknown name", pt.List{pt.Atom("three")}, 0, unsupported},
	} {
		test.run(t, positive)
	}
}

func TestNumbersReachTheKernelWithTheirSign(t *testing.T) {
	minusOne := ^uintptr(0)
	for _, test := range []struct {
		kind string
		read func(*Calls) uintptr
		decoding[uintptr]
	}{
		{"signed", signed, decoding[uintptr]{"-1", pt.Integer(-1), minusOne, accepted}},
		{"signed", signed, decoding[uintptr]{"a small value in a big", pt.SmallBig(1, 1), minusOne, accepted}},
		{"signed", signed, decoding[uintptr]{"2^31", 1 << 31, 0, bad}},
		{"unsigned", unsigned, decoding[uintptr]{"2^32-1", 1<<32 - 1, 1<<32 - 1, accepted}},
		{"unsigned", unsigned, decoding[uintptr]{"-1", pt.Integer(-1), 0, bad}},
		{"immediate", immediate, decoding[uintptr]{"-1", pt.Integer(-1), 1<<32 - 1, accepted}},
		{"immediate", immediate, decoding[uintptr]{"a big", pt.SmallBig(0, 1), 0, bad}},
	} {
		t.Run(test.kind, func(t *testing.T) { test.decoding.run(t, test.read) })
	}
}

func TestPaths(t *testing.T) {
	long := strings.Repeat("p", maxPath)
	for _, test := range []decoding[string]{
		{"a binary", pt.Binary("/tmp"), "/tmp", accepted},
		{"a list", pt.List{pt.String("/t"), int('m'), pt.List{pt.Binary("p")}}, "/tmp", accepted},
		{"text with a NUL", pt.Binary("/tmp\x00x"), "", bad},
		{"text that ends with NULs", pt.Binary("/tmp\x00\x00"), "/tmp", accepted},
		{"a list that ends with a NUL", pt.List{pt.Binary("/tmp"), 0}, "/tmp", accepted},
		{"a NUL and no more", pt.Binary("\x00"), "", accepted},
		{"as long as possible", pt.Binary(long), long, accepted},
		{"too long", pt.Binary(long + "p"), "", bad},
		{"empty", pt.Binary(""), "", bad},
		{"the empty list", pt.List{}, "", bad},
		{"an atom", pt.Atom("tmp"), "", bad},
		{"an integer", 47, "", bad},
	} {
		test.run(t, func(c *Calls) string {
			c.path()
			return string(sys.CString(c.mem.buf)) // as the kernel sees it
		})
	}
}

func TestEmptyTextIsANullPointer(t *testing.T) {
	for _, test := range []decoding[bool]{
		{"the empty list", pt.List{}, true, accepted},
		{"empty binaries", pt.List{pt.List{}, pt.Binary("")}, true, accepted},
		{"a NUL", pt.Binary("\x00"), false, accepted},
		{"text with a NUL", pt.Binary("x\x00y"), false, bad},
		{"text", pt.Binary("x"), false, accepted},
		{"no text", pt.Atom("x"), false, bad},
	} {
		test.run(t, func(c *Calls) bool { return name(c) == 0 })
	}
}

func TestDataIsFollowedByZeros(t *testing.T) {
	c := newAsker().Calls
	for i := range c.mem.buf {
		c.mem.buf[i] = 0xff
	}
	c.args.Reset(pt.Encode(pt.Binary("size=1m")))
	c.args.Version()
	addr := data(c)
	if addr != address(c.mem.buf) {
		t.Fatal("not at the start of the arena")
	}
	if got := c.mem.buf[:64<<10]; string(got[:7]) != "size=1m" || !zero(got[7:]) {
		t.Error("64 KiB are not the text and zeros")
	}
}

// strings returns what a vector of pointers into the arena points to.
func (c *Calls) strings(v argv) []string {
	var all []string
	for _, addr := range v.vector[1:] {
		if addr == 0 {
			return all
		}
		all = append(all, string(sys.CString(c.mem.buf[addr-address(c.mem.buf):])))
	}
	panic("no null pointer at the end")
}

func TestArgv(t *testing.T) {
	for _, test := range []decoding[[]string]{
		{"no arguments", pt.List{}, nil, accepted},
		{"binaries and strings", pt.List{pt.Binary("a"), pt.String("bc"), pt.List{}}, []string{"a", "bc", ""}, accepted},
		{"iolists", pt.List{pt.List{int('x'), pt.Binary("y")}, pt.Binary("z")}, []string{"xy", "z"}, accepted},
		{"an element with a NUL", pt.List{pt.Binary("a"), pt.Binary("z\x00zz")}, nil, bad},
		{"a string for the whole", pt.String("abc"), nil, bad},
		{"an element that is a byte", pt.List{97}, nil, bad},
		{"an element that is an atom", pt.List{pt.Binary("a"), pt.Atom("b")}, nil, bad},
		{"an improper list", improper(pt.Binary("b"), pt.Binary("a")), nil, bad},
		{"a binary", pt.Binary("a"), nil, bad},
		{"an atom", pt.Atom("a"), nil, bad},
	} {
		test.run(t, func(c *Calls) []string {
			v := c.argv()
			all := c.strings(v)
			if c.args.OK() && (v.address() == 0) != (len(all) == 0) {
				t.Errorf("the vector of %q is at %#x", all, v.address())
			}
			return all
		})
	}
}

func TestTheGreatestArgumentsFitInTheArena(t *testing.T) {
	const overhead = 4096 // no frame holds as much as this test sends
	empty := make(pt.List, 65535+overhead)
	for i := range empty {
		empty[i] = pt.List{}
	}
	v, why := decoded(empty, func(c *Calls) int { return len(c.argv().vector) })
	if why.refused || v != len(empty)+2 {
		t.Errorf("%d words for %d empty arguments", v, len(empty))
	}
	a := newAsker()
	pointers := make(pt.List, maxElements)
	for i := range pointers {
		pointers[i] = pt.Tuple{pt.Atom("ptr"), 64}
	}
	want(t, a.ask(nrPrctl, -1, pointers, pointers, pointers, pointers), errorTuple("einval"))
}

func TestBuffersAreZeroThoughTheArenaIsUsed(t *testing.T) {
	a := newAsker()
	for i := range a.mem.buf {
		a.mem.buf[i] = 0xff
	}
	for n := range 3 * 4096 {
		a.mem.reset()
		a.mem.take(n % 17)
		if b := a.mem.zeroed(n); !bytes.Equal(b, make([]byte, n)) {
			t.Fatalf("%d bytes are not zero", n)
		}
		copy(a.mem.buf[n:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")
	}
}

func TestWordsAreAligned(t *testing.T) {
	var a arena
	a.buf = make([]byte, arenaSize)
	for n := range 20 {
		a.reset()
		a.take(n)
		if addr := address(a.words(1)); addr%unsafe.Sizeof(addr) != 0 {
			t.Errorf("after %d bytes a word is at %#x", n, addr)
		}
	}
}
