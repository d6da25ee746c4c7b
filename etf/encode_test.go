// SPDX-License-Identifier: ISC

package etf_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

// encoded returns what f appends in a buffer with room for it.
func encoded(f func(*etf.Encoder)) []byte {
	var e etf.Encoder
	e.Reset(make([]byte, 1<<17))
	f(&e)
	if e.Full() {
		panic("a test appends more than 128 KiB")
	}
	return e.Bytes()
}

func TestTermsAreEncodedAsErlangDoes(t *testing.T) {
	x255 := strings.Repeat("x", 255)
	tests := []struct {
		name   string
		append func(*etf.Encoder)
		want   string
	}{
		{"version", func(e *etf.Encoder) { e.Version() }, "83"},
		{"atom", func(e *etf.Encoder) { e.Atom("ok") }, "77 02 6f6b"},
		{"atom of bytes", func(e *etf.Encoder) { e.AtomBytes([]byte("ok")) }, "77 02 6f6b"},
		{"empty atom", func(e *etf.Encoder) { e.Atom("") }, "77 00"},
		{"atom of 255 bytes", func(e *etf.Encoder) { e.Atom(x255) }, "77 ff" + repeat("78", 255)},
		{"binary", func(e *etf.Encoder) { e.Binary([]byte{1, 2}) }, "6d 00000002 0102"},
		{"binary of a string", func(e *etf.Encoder) { e.BinaryString("ab") }, "6d 00000002 6162"},
		{"empty binary", func(e *etf.Encoder) { e.Binary(nil) }, "6d 00000000"},
		{"binary of 66051 bytes", func(e *etf.Encoder) { e.Binary(make([]byte, 66051)) }, "6d 00010203" + repeat("00", 66051)},
		{"binary in two steps", func(e *etf.Encoder) { e.BinaryHeader(2); e.Raw([]byte{1, 2}) }, "6d 00000002 0102"},
		{"tuple", func(e *etf.Encoder) { e.Tuple(2); e.Atom("ok"); e.Int(5) }, "68 02 77 02 6f6b 61 05"},
		{"empty tuple", func(e *etf.Encoder) { e.Tuple(0) }, "68 00"},
		{"tuple of arity 255", func(e *etf.Encoder) { e.Tuple(255) }, "68 ff"},
		{"empty list", func(e *etf.Encoder) { e.Nil() }, "6a"},
		{"empty list with its header", func(e *etf.Encoder) { e.List(0); e.Nil() }, "6a"},
		{"counted list", func(e *etf.Encoder) { e.List(2); e.Int(1); e.Int(2); e.Nil() }, "6c 00000002 6101 6102 6a"},
		{"chained list", func(e *etf.Encoder) { e.List(1); e.Int(1); e.List(1); e.Int(2); e.Nil() }, "6c 00000001 6101 6c 00000001 6102 6a"},
		{"raw bytes", func(e *etf.Encoder) { e.Raw([]byte{1, 2, 3}) }, "010203"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(unhex(tt.want), encoded(tt.append)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// appenders is every method that appends, with something to append.
var appenders = map[string]func(*etf.Encoder){
	"Version":               (*etf.Encoder).Version,
	"Atom":                  func(e *etf.Encoder) { e.Atom("badarg") },
	"AtomBytes":             func(e *etf.Encoder) { e.AtomBytes(tenBytes) },
	"Int, one byte":         func(e *etf.Encoder) { e.Int(7) },
	"Int, four bytes":       func(e *etf.Encoder) { e.Int(-7) },
	"Int, big":              func(e *etf.Encoder) { e.Int(-1 << 40) },
	"Uint, one byte":        func(e *etf.Encoder) { e.Uint(7) },
	"Uint, four bytes":      func(e *etf.Encoder) { e.Uint(700) },
	"Uint, big":             func(e *etf.Encoder) { e.Uint(1<<64 - 1) },
	"Binary":                func(e *etf.Encoder) { e.Binary(tenBytes) },
	"BinaryString":          func(e *etf.Encoder) { e.BinaryString("0123456789") },
	"BinaryHeader":          func(e *etf.Encoder) { e.BinaryHeader(10) },
	"Tuple":                 func(e *etf.Encoder) { e.Tuple(2) },
	"List":                  func(e *etf.Encoder) { e.List(2) },
	"Nil":                   (*etf.Encoder).Nil,
	"Raw":                   func(e *etf.Encoder) { e.Raw(tenBytes) },
	"Binary without bytes":  func(e *etf.Encoder) { e.Binary(nil) },
	"Atom without text":     func(e *etf.Encoder) { e.Atom("") },
	"the empty list's tail": func(e *etf.Encoder) { e.List(0); e.Nil() },
}

var tenBytes = []byte("0123456789")

func TestWhatIsAppendedIsWholeOrAbsent(t *testing.T) {
	for name, f := range appenders {
		whole := encoded(f)
		for room := 0; room <= len(whole); room++ {
			memory := bytes.Repeat([]byte{0xAA}, 64)
			var e etf.Encoder
			e.Reset(memory[:0:room])
			f(&e)
			fits := room == len(whole)
			want := []byte{}
			if fits {
				want = whole
			}
			if diff := cmp.Diff(want, e.Bytes()); diff != "" {
				t.Errorf("%s with room for %d of %d bytes (-want +got):\n%s", name, room, len(whole), diff)
			}
			if e.Full() == fits {
				t.Errorf("%s with room for %d of %d bytes: Full() = %t", name, room, len(whole), e.Full())
			}
			if e.Len() != len(want) || e.Room() != room-len(want) {
				t.Errorf("%s with room for %d of %d bytes: Len() = %d, Room() = %d", name, room, len(whole), e.Len(), e.Room())
			}
			if diff := cmp.Diff(bytes.Repeat([]byte{0xAA}, 64-room), memory[room:]); diff != "" {
				t.Errorf("%s with room for %d of %d bytes, behind the buffer (-want +got):\n%s", name, room, len(whole), diff)
			}
		}
	}
}

func TestNothingIsAppendedOnceFullUntilTruncate(t *testing.T) {
	for name, f := range appenders {
		var e etf.Encoder
		e.Reset(make([]byte, 0, 100))
		e.Version()
		e.Binary(make([]byte, 200))
		if !e.Full() {
			t.Fatal("200 bytes went into a buffer of 100")
		}
		f(&e)
		if diff := cmp.Diff([]byte{etf.Version}, e.Bytes()); diff != "" || !e.Full() {
			t.Errorf("%s when full: Full() = %t, bytes (-want +got):\n%s", name, e.Full(), diff)
		}
		e.Truncate(1)
		f(&e)
		if diff := cmp.Diff(append([]byte{etf.Version}, encoded(f)...), e.Bytes()); diff != "" || e.Full() {
			t.Errorf("%s after Truncate: Full() = %t, bytes (-want +got):\n%s", name, e.Full(), diff)
		}
	}
}

func TestTruncateTakesBackTheLastBytes(t *testing.T) {
	var e etf.Encoder
	e.Reset(make([]byte, 0, 100))
	e.Version()
	mark := e.Len()
	e.Tuple(2)
	e.Atom("ok")
	e.Truncate(mark)
	e.Atom("badarg")
	if diff := cmp.Diff(unhex("83 77 06 626164617267"), e.Bytes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestResetBeginsAnewInTheBufferGiven(t *testing.T) {
	buf := make([]byte, 4, 8)
	var e etf.Encoder
	e.Reset(nil)
	e.Nil()
	if !e.Full() || e.Len() != 0 || e.Room() != 0 {
		t.Errorf("without a buffer: Full() = %t, Len() = %d, Room() = %d", e.Full(), e.Len(), e.Room())
	}
	e.Reset(buf)
	if e.Full() || e.Len() != 0 || e.Room() != 8 {
		t.Errorf("after Reset: Full() = %t, Len() = %d, Room() = %d, want false, 0, 8", e.Full(), e.Len(), e.Room())
	}
	e.Nil()
	if &e.Bytes()[0] != &buf[0] {
		t.Error("Bytes is not the buffer given")
	}
}

func TestLengthsThatTheEncodingCannotExpressDoNotFit(t *testing.T) {
	for name, f := range map[string]func(*etf.Encoder){
		"atom of 256 bytes":          func(e *etf.Encoder) { e.Atom(strings.Repeat("x", 256)) },
		"atom of 256 bytes, a slice": func(e *etf.Encoder) { e.AtomBytes(make([]byte, 256)) },
		"tuple of arity 256":         func(e *etf.Encoder) { e.Tuple(256) },
	} {
		var e etf.Encoder
		e.Reset(make([]byte, 0, 1000))
		f(&e)
		if !e.Full() || e.Len() != 0 {
			t.Errorf("%s: Full() = %t, Len() = %d, want true, 0", name, e.Full(), e.Len())
		}
	}
}
