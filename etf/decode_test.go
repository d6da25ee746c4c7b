// SPDX-License-Identifier: ISC

package etf_test

import (
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

// unhex returns the bytes of a text in hexadecimal with spaces anywhere.
func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// repeat returns n times the byte c in hexadecimal.
func repeat(c string, n int) string { return strings.Repeat(c, n) }

func decoder(msg []byte) *etf.Decoder {
	d := new(etf.Decoder)
	d.Reset(msg)
	return d
}

// result is what reading a term did.
type result[T any] struct {
	Value  T
	OK     bool
	Offset int
}

func read[T any](msg []byte, method func(*etf.Decoder) T) result[T] {
	d := decoder(msg)
	v := method(d)
	return result[T]{v, d.OK(), d.Offset()}
}

func accepted[T any](v T, size int) result[T] { return result[T]{v, true, size} }
func refused[T any]() result[T]               { return result[T]{} }

func TestProbeKnowsATermByItsTagIfWhatItAnnouncesFits(t *testing.T) {
	tests := []struct {
		name, message string
		tag           byte
		kind          etf.Kind
	}{
		{"nothing", "", 0, etf.Invalid},

		{"small integer", "61 00", etf.TagSmallInteger, etf.Int},
		{"small integer without its value", "61", 0, etf.Invalid},
		{"integer", "62 00000000", etf.TagInteger, etf.Int},
		{"integer of three bytes", "62 000000", 0, etf.Invalid},
		{"integer without its value", "62", 0, etf.Invalid},

		{"small big", "6e 01 00 05", etf.TagSmallBig, etf.SmallBig},
		{"small big that is one byte short, for the sign byte is not counted", "6e 02 00 05", etf.TagSmallBig, etf.SmallBig},
		{"small big that is two bytes short", "6e 03 00 05", 0, etf.Invalid},
		{"small big without magnitude and sign", "6e 00", etf.TagSmallBig, etf.SmallBig},
		{"small big without its length", "6e", 0, etf.Invalid},
		{"large big", "6f 00000001 00 05", etf.TagLargeBig, etf.LargeBig},
		{"large big that is one byte short", "6f 00000002 00 05", etf.TagLargeBig, etf.LargeBig},
		{"large big that is two bytes short", "6f 00000003 00 05", 0, etf.Invalid},
		{"large big with half a length", "6f 0000", 0, etf.Invalid},
		{"large big with the top bit set", "6f 80000000 00", 0, etf.Invalid},

		{"atom", "64 0001 61", etf.TagAtom, etf.Atom},
		{"atom cut short", "64 0002 61", 0, etf.Invalid},
		{"atom with half a length", "64 00", 0, etf.Invalid},
		{"small atom", "73 01 61", etf.TagSmallAtom, etf.Atom},
		{"small atom cut short", "73 02 61", 0, etf.Invalid},
		{"UTF-8 atom", "76 0001 61", etf.TagAtomUTF8, etf.Atom},
		{"UTF-8 atom cut short", "76 0002 61", 0, etf.Invalid},
		{"small UTF-8 atom", "77 01 61", etf.TagSmallAtomUTF8, etf.Atom},
		{"small UTF-8 atom cut short", "77 02 61", 0, etf.Invalid},
		{"small UTF-8 atom without its length", "77", 0, etf.Invalid},

		{"small tuple", "68 00", etf.TagSmallTuple, etf.Tuple},
		{"small tuple with a byte for each element", "68 02 ff ff", etf.TagSmallTuple, etf.Tuple},
		{"small tuple with fewer bytes than elements", "68 02 6a", 0, etf.Invalid},
		{"large tuple", "69 00000000", etf.TagLargeTuple, etf.Tuple},
		{"large tuple with a byte for each element", "69 00000002 ff ff", etf.TagLargeTuple, etf.Tuple},
		{"large tuple with fewer bytes than elements", "69 00000002 6a", 0, etf.Invalid},
		{"large tuple with the top bit set", "69 80000000", 0, etf.Invalid},

		{"empty list", "6a", etf.TagNil, etf.Nil},
		{"string", "6b 0001 00", etf.TagString, etf.String},
		{"string without bytes", "6b 0000", etf.TagString, etf.String},
		{"string cut short", "6b 0002 00", 0, etf.Invalid},
		{"list with a byte for each element and none for its tail", "6c 00000001 6a", etf.TagList, etf.List},
		{"list without elements and tail", "6c 00000000", etf.TagList, etf.List},
		{"list with fewer bytes than elements", "6c 00000002 6a", 0, etf.Invalid},
		{"list with the largest count", "6c 7fffffff 6a", 0, etf.Invalid},
		{"list with the top bit set", "6c 80000000", 0, etf.Invalid},
		{"list with all bits set", "6c ffffffff", 0, etf.Invalid},

		{"binary", "6d 00000001 00", etf.TagBinary, etf.Binary},
		{"binary without bytes", "6d 00000000", etf.TagBinary, etf.Binary},
		{"binary cut short", "6d 00000002 00", 0, etf.Invalid},
		{"binary with half a length", "6d 000000", 0, etf.Invalid},
		{"binary with the largest length", "6d 7fffffff 00", 0, etf.Invalid},
		{"binary with the top bit set", "6d 80000001 00", 0, etf.Invalid},

		{"new float", "46 4000000000000000", 0, etf.Invalid},
		{"float", "63" + repeat("30", 31), 0, etf.Invalid},
		{"bitstring", "4d 00000001 04 f0", 0, etf.Invalid},
		{"map", "74 00000000", 0, etf.Invalid},
		{"export", "71 7701 61 7701 62 61 00", 0, etf.Invalid},
		{"pid", "67 7701 61 00000001 00000001 00", 0, etf.Invalid},
		{"new pid", "58 7701 61 00000001 00000001 00000001", 0, etf.Invalid},
		{"new reference", "5a 0001 7701 61 00000001 00000001", 0, etf.Invalid},
		{"compressed term", "50 00000002 78 9c", 0, etf.Invalid},
		{"atom cache reference", "52 00", 0, etf.Invalid},
		{"version byte", "83 6a", 0, etf.Invalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decoder(unhex(tt.message))
			if got := d.Tag(); got != tt.tag {
				t.Errorf("%s: Tag() = %d, want %d", tt.message, got, tt.tag)
			}
			if got := d.Kind(); got != tt.kind {
				t.Errorf("%s: Kind() = %d, want %d", tt.message, got, tt.kind)
			}
			if !d.OK() || d.Offset() != 0 {
				t.Errorf("%s: looking at the term: OK() = %t, Offset() = %d, want true, 0", tt.message, d.OK(), d.Offset())
			}
		})
	}
}

func TestProbeKnowsNoTagsButFourteen(t *testing.T) {
	known := map[byte]bool{}
	for tag := range 256 {
		msg := append([]byte{byte(tag)}, make([]byte, 40)...)
		if got := decoder(msg).Tag(); got != 0 {
			known[got] = true
		}
	}
	want := map[byte]bool{}
	for tag := range lengthWidth {
		want[tag] = true
	}
	if diff := cmp.Diff(want, known); diff != "" {
		t.Errorf("known tags (-want +got):\n%s", diff)
	}
}

func TestVersionIs131(t *testing.T) {
	for msg, want := range map[string]result[bool]{
		"83":    accepted(true, 1),
		"83 6a": accepted(true, 1),
		"":      refused[bool](),
		"82 6a": refused[bool](),
		"00":    refused[bool](),
		"6a":    refused[bool](),
	} {
		got := read(unhex(msg), func(d *etf.Decoder) bool { d.Version(); return d.OK() })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q: Version (-want +got):\n%s", msg, diff)
		}
	}
}

func TestHeadersOfTuplesAndLists(t *testing.T) {
	tuple, list := (*etf.Decoder).Tuple, (*etf.Decoder).List
	empty := func(d *etf.Decoder) int { d.Nil(); return 0 }
	tests := []struct {
		name, message string
		method        func(*etf.Decoder) int
		want          result[int]
	}{
		{"small tuple", "68 02 6a6a", tuple, accepted(2, 2)},
		{"small tuple of arity 0", "68 00", tuple, accepted(0, 2)},
		{"small tuple of arity 255", "68 ff" + repeat("6a", 255), tuple, accepted(255, 2)},
		{"large tuple of arity 0", "69 00000000", tuple, accepted(0, 5)},
		{"large tuple of arity 1", "69 00000001 6a", tuple, accepted(1, 5)},
		{"large tuple of arity 256", "69 00000100" + repeat("6a", 256), tuple, accepted(256, 5)},
		{"tuple header, whose elements are not looked at", "68 01 ff", tuple, accepted(1, 2)},
		{"tuple header that does not fit", "68 02 6a", tuple, refused[int]()},
		{"tuple header of a list", "6c 00000001 6a6a", tuple, refused[int]()},
		{"tuple header of the empty list", "6a", tuple, refused[int]()},
		{"tuple header of a string", "6b 0001 00", tuple, refused[int]()},
		{"tuple header of a map", "74 00000000", tuple, refused[int]()},

		{"list", "6c 00000002 6a6a 6a", list, accepted(2, 5)},
		{"list, whose tail is not looked at", "6c 00000001 6a", list, accepted(1, 5)},
		{"list with a count of 0, whose tail is left", "6c 00000000 6a", list, accepted(0, 5)},
		{"empty list, read as a whole", "6a 6a", list, accepted(0, 1)},
		{"list header of a string", "6b 0001 00", list, refused[int]()},
		{"list header of a string without bytes", "6b 0000", list, refused[int]()},
		{"list header of a tuple", "68 00", list, refused[int]()},
		{"list header that does not fit", "6c 00000002 6a", list, refused[int]()},

		{"tail", "6a", empty, accepted(0, 1)},
		{"tail that is a list without elements", "6c 00000000 6a", empty, refused[int]()},
		{"tail that is a string without bytes", "6b 0000", empty, refused[int]()},
		{"tail that is an empty binary", "6d 00000000", empty, refused[int]()},
		{"tail that is missing", "", empty, refused[int]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(unhex(tt.message), tt.method)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestBinaryAndStringAreOnlyWhatTheyAreCalled(t *testing.T) {
	tests := []struct {
		name, message  string
		binary, string result[[]byte]
	}{
		{"binary", "6d 00000002 0102 ff", accepted([]byte{1, 2}, 7), refused[[]byte]()},
		{"empty binary", "6d 00000000", accepted([]byte{}, 5), refused[[]byte]()},
		{"binary cut short", "6d 00000003 0102", refused[[]byte](), refused[[]byte]()},
		{"string", "6b 0002 0102 ff", refused[[]byte](), accepted([]byte{1, 2}, 5)},
		{"empty string", "6b 0000", refused[[]byte](), accepted([]byte{}, 3)},
		{"string cut short", "6b 0003 0102", refused[[]byte](), refused[[]byte]()},
		{"empty list", "6a", refused[[]byte](), refused[[]byte]()},
		{"list of bytes", "6c 00000001 6101 6a", refused[[]byte](), refused[[]byte]()},
		{"atom", "77 02 6162", refused[[]byte](), refused[[]byte]()},
		{"bitstring", "4d 00000001 08 ff", refused[[]byte](), refused[[]byte]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.binary, read(unhex(tt.message), (*etf.Decoder).Binary)); diff != "" {
				t.Errorf("%s: Binary (-want +got):\n%s", tt.message, diff)
			}
			if diff := cmp.Diff(tt.string, read(unhex(tt.message), (*etf.Decoder).String)); diff != "" {
				t.Errorf("%s: String (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestBinaryAliasesTheMessageAndCannotGrowIntoIt(t *testing.T) {
	msg := unhex("6d 00000002 0102 03")
	b := decoder(msg).Binary()
	if &b[0] != &msg[5] {
		t.Error("Binary returned a copy")
	}
	_ = append(b, 9)
	if msg[7] != 3 {
		t.Error("appending to what Binary returned changed the message")
	}
}

func TestSkipReadsOneWholeTerm(t *testing.T) {
	deep := repeat("6c00000001", 10000)
	tests := []struct {
		name, message string
		want          result[bool]
	}{
		{"small integer", "61 05 ff", accepted(true, 2)},
		{"integer", "62 00000005 ff", accepted(true, 5)},
		{"small big", "6e 01 00 05 ff", accepted(true, 4)},
		{"small big of 255 bytes", "6e ff 01" + repeat("05", 255) + "ff", accepted(true, 258)},
		{"small big without its last byte", "6e 02 00 05", accepted(true, 4)},
		{"large big", "6f 00000001 00 05 ff", accepted(true, 7)},
		{"atom with text that is no UTF-8", "77 01 ff ff", accepted(true, 3)},
		{"binary", "6d 00000001 05 ff", accepted(true, 6)},
		{"string", "6b 0001 05 ff", accepted(true, 4)},
		{"empty list", "6a ff", accepted(true, 1)},
		{"empty tuple", "68 00 ff", accepted(true, 2)},
		{"tuple", "68 02 6101 6a ff", accepted(true, 5)},
		{"large tuple", "69 00000002 6101 6a ff", accepted(true, 8)},
		{"list", "6c 00000002 6101 6102 6a ff", accepted(true, 10)},
		{"list with a tail of its own", "6c 00000001 6101 6102 ff", accepted(true, 9)},
		{"tuple in a list in a tuple", "68 02 6c 00000001 68 01 6a 6a 6102 ff", accepted(true, 13)},
		{"ten thousand lists in each other", deep + repeat("6a", 10001) + "ff", accepted(true, 60001)},

		{"nothing", "", refused[bool]()},
		{"type not known", "46 4000000000000000", refused[bool]()},
		{"tuple without its second element", "68 02 61 01", refused[bool]()},
		{"tuple with an element of a type not known", "68 01 74 00000000", refused[bool]()},
		{"tuple with a big that has no last byte before another element", "68 02 6e 04 00 01 02 03", refused[bool]()},
		{"list without its tail", "6c 00000001 6101", refused[bool]()},
		{"ten thousand lists in each other, one tail missing", deep + repeat("6a", 10000), refused[bool]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := read(unhex(tt.message), func(d *etf.Decoder) bool { d.Skip(); return d.OK() })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Skip (-want +got):\n%s", diff)
			}
		})
	}
}

// readers is every method that reads, as a function that returns its result.
var readers = map[string]func(*etf.Decoder) any{
	"Tag":       func(d *etf.Decoder) any { return d.Tag() },
	"Kind":      func(d *etf.Decoder) any { return d.Kind() },
	"Version":   func(d *etf.Decoder) any { d.Version(); return nil },
	"Tuple":     func(d *etf.Decoder) any { return d.Tuple() },
	"List":      func(d *etf.Decoder) any { return d.List() },
	"Nil":       func(d *etf.Decoder) any { d.Nil(); return nil },
	"Int":       func(d *etf.Decoder) any { return d.Int() },
	"Uint":      func(d *etf.Decoder) any { return d.Uint() },
	"Int64":     func(d *etf.Decoder) any { return d.Int64() },
	"Uint64":    func(d *etf.Decoder) any { return d.Uint64() },
	"Int32Term": func(d *etf.Decoder) any { return d.Int32Term() },
	"Atom":      func(d *etf.Decoder) any { return d.Atom(make([]byte, 0, 255)) },
	"Binary":    func(d *etf.Decoder) any { return d.Binary() },
	"String":    func(d *etf.Decoder) any { return d.String() },
	"IOList":    func(d *etf.Decoder) any { return d.IOList(make([]byte, 0, 9), 9) },
	"Skip":      func(d *etf.Decoder) any { d.Skip(); return nil },
}

func TestAfterAFailureEveryReaderReturnsZeroAndMovesNothing(t *testing.T) {
	messages := []string{"83", "68 01 6a", "6c 00000001 6a 6a", "6a", "61 05", "77 01 61", "6d 00000001 61", "6b 0001 61"}
	for name, reader := range readers {
		for _, msg := range messages {
			d := decoder(unhex("6101" + msg))
			d.Int()
			d.Fail()
			got := reader(d)
			if got != nil && !reflect.ValueOf(got).IsZero() {
				t.Errorf("%s of %s returned %v, want the zero value", name, msg, got)
			}
			if d.OK() || d.Offset() != 2 {
				t.Errorf("%s of %s: OK() = %t, Offset() = %d, want false, 2", name, msg, d.OK(), d.Offset())
			}
		}
	}
}

func TestResetForgetsAFailure(t *testing.T) {
	d := decoder(unhex("6a"))
	d.Int()
	if d.OK() {
		t.Fatal("Int of the empty list was accepted")
	}
	d.Reset(unhex("83 61 07"))
	d.Version()
	if got := d.Int(); got != 7 || !d.OK() {
		t.Errorf("after Reset: Int() = %d, OK() = %t, want 7, true", got, d.OK())
	}
}

func TestArgumentsAreReadInOrderAndTheRestIsLeft(t *testing.T) {
	d := decoder(unhex("83 68 03 61 05 77 02 6f6b 6d 00000002 0102 ffee"))
	d.Version()
	arity := d.Tuple()
	number := d.Int()
	name := d.Atom(make([]byte, 0, 255))
	data := d.Binary()
	if !d.OK() || arity != 3 || number != 5 || string(name) != "ok" || string(data) != "\x01\x02" {
		t.Errorf("got %d elements: %d, %q, %q; OK() = %t", arity, number, name, data, d.OK())
	}
	if diff := cmp.Diff(unhex("ffee"), d.Rest()); diff != "" {
		t.Errorf("Rest (-want +got):\n%s", diff)
	}
}

// The callers of the package hand over messages with two zero bytes behind the
// real end. These messages rely on it.
func TestZeroBytesBehindAMessageMayBeConsumed(t *testing.T) {
	tests := []struct {
		name, message string
		method        func(*etf.Decoder) any
		want          any
		left          int
	}{
		{"arity", "68", readers["Tuple"], 0, 1},
		{"small integer", "61", readers["Int"], int32(0), 1},
		{"integer of two bytes", "62 0000", readers["Int"], int32(0), 0},
		{"binary two bytes short", "6d 00000006 2f746d70", readers["Binary"], []byte("/tmp\x00\x00"), 0},
		{"iolist two bytes short", "6d 00000006 2f746d70", readers["IOList"], []byte("/tmp\x00\x00"), 0},
		{"small big three bytes short", "6e 04 00 05", readers["Int"], int32(5), 0},
		{"small big three bytes short, without its sign", "6e 02", readers["Uint64"], uint64(0), 0},
		{"large big three bytes short", "6f 00000004 01 05", readers["Int64"], int64(-5), 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := decoder(append(unhex(tt.message), 0, 0))
			got := tt.method(d)
			if diff := cmp.Diff(tt.want, got); diff != "" || !d.OK() {
				t.Errorf("%s: OK() = %t (-want +got):\n%s", tt.message, d.OK(), diff)
			}
			if len(d.Rest()) != tt.left {
				t.Errorf("%s: left %d bytes, want %d", tt.message, len(d.Rest()), tt.left)
			}
		})
	}
	for name, message := range map[string]string{
		"integer of one byte":         "62 00",
		"binary three bytes short":    "6d 00000007 2f746d70",
		"small big four bytes short":  "6e 05 00 05",
		"large big four bytes short":  "6f 00000005 00 05",
		"iolist with half its length": "6d 00",
	} {
		t.Run(name, func(t *testing.T) {
			d := decoder(append(unhex(message), 0, 0))
			if d.Skip(); d.OK() {
				t.Errorf("%s was accepted", message)
			}
		})
	}
}
