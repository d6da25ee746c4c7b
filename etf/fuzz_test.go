// SPDX-License-Identifier: ISC

package etf_test

import (
	"bytes"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

// Each fuzz target compares the package with the implementation of the tests,
// or states what else holds for any input. Each begins with the inputs in
// testdata/fuzz, which go test runs too.

// expect returns what a method should do that accepts, if ok, a term of size
// bytes as v, and otherwise moves nothing.
func expect[T any](v T, size int, ok bool) result[T] {
	if ok {
		return accepted(v, size)
	}
	return refused[T]()
}

// The readers of integers accept exactly the integers within their ranges, in
// any encoding, and end where the term does.
func FuzzDecodeInt(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkInteger(t, "Int", msg, (*etf.Decoder).Int, -31, 31)
		checkInteger(t, "Uint", msg, (*etf.Decoder).Uint, 0, 32)
		checkInteger(t, "Int64", msg, (*etf.Decoder).Int64, -63, 63)
		checkInteger(t, "Uint64", msg, (*etf.Decoder).Uint64, 0, 64)
		checkInteger(t, "Int32Term", msg, (*etf.Decoder).Int32Term, -31, 31, smallInteger, integer)
	})
}

// checkInteger compares a method that reads integers from -2^-min (0 for a min
// of 0) to 2^max-1, in the encodings given or else in all.
func checkInteger[T int32 | uint32 | int64 | uint64](t *testing.T, name string, msg []byte, method func(*etf.Decoder) T, min, max int, tags ...byte) {
	t.Helper()
	lowest, highest := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(max))
	highest.Sub(highest, big.NewInt(1))
	if min < 0 {
		lowest.Lsh(big.NewInt(-1), uint(-min))
	}
	parsed, size, ok := parse(msg)
	v, inRange := parsed.integerBetween(lowest, highest)
	ok = ok && inRange && (tags == nil || slices.Contains(tags, parsed.tag))
	var want T
	if ok && v.Sign() < 0 {
		want = T(v.Int64())
	} else if ok {
		want = T(v.Uint64())
	}
	if diff := cmp.Diff(expect(want, size, ok), read(msg, method)); diff != "" {
		t.Errorf("%s of %x (-want +got):\n%s", name, msg, diff)
	}
}

// An atom is read as the Latin-1 text that it has for the standard library.
func FuzzAtom(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg []byte) {
		parsed, size, ok := parse(msg)
		text, isAtom := parsed.atomText()
		if diff := cmp.Diff(expect(text, size, ok && isAtom), readAtom(msg)); diff != "" {
			t.Errorf("%x (-want +got):\n%s", msg, diff)
		}
	})
}

// An iolist is read as the rules say that are written recursively in the tests,
// for any capacity.
func FuzzIOList(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg []byte, max uint16) {
		var want []byte
		parsed, size, ok := parse(msg)
		if ok {
			var reason string
			want, reason = parsed.iolist(nil, int(max), 0)
			ok = reason == ""
		}
		if diff := cmp.Diff(expect(string(want), size, ok), readIOList(msg, int(max))); diff != "" {
			t.Errorf("%x, capacity %d (-want +got):\n%s", msg, max, diff)
		}
	})
}

// Skip accepts exactly what the tests can parse, and Tag is that of the term
// even if only its contents are bad.
func FuzzSkip(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg []byte) {
		_, size, ok := parse(msg)
		got := read(msg, func(d *etf.Decoder) bool { d.Skip(); return d.OK() })
		if diff := cmp.Diff(expect(true, size, ok), got); diff != "" {
			t.Errorf("Skip of %x (-want +got):\n%s", msg, diff)
		}
		tag, _, _, _ := announced(msg)
		if got := decoder(msg).Tag(); got != tag {
			t.Errorf("Tag of %x is %d, want %d", msg, got, tag)
		}
	})
}

// Any sequence of methods on any message leaves the cursor within it, and the
// message unchanged. A method that is refused leaves the cursor where it was,
// and so do all methods after it.
func FuzzDecoder(f *testing.F) {
	f.Fuzz(func(t *testing.T, msg, methods []byte) {
		names := readerNames()
		before := bytes.Clone(msg)
		d := decoder(msg)
		for _, m := range methods {
			name := names[int(m)%len(names)]
			start, good := d.Offset(), d.OK()
			readers[name](d)
			switch {
			case d.Offset() < start || d.Offset() > len(msg):
				t.Fatalf("%s moved from %d to %d of %d", name, start, d.Offset(), len(msg))
			case !d.OK() && d.Offset() != start:
				t.Fatalf("%s was refused and moved from %d to %d", name, start, d.Offset())
			case d.OK() && !good:
				t.Fatalf("%s made a failure undone", name)
			}
		}
		if !bytes.Equal(before, msg) {
			t.Errorf("the message %x became %x", before, msg)
		}
	})
}

func readerNames() []string {
	var names []string
	for name := range readers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Terms that fit are read back as they were. Of one that does not fit the
// beginning is there, up to the end of a header or of a term without others in
// it.
func FuzzRoundTrip(f *testing.F) {
	f.Fuzz(func(t *testing.T, i int64, u uint64, name string, data []byte, room uint16) {
		name = latin1Name(name)
		appendAll := []func(*etf.Encoder){
			(*etf.Encoder).Version,
			func(e *etf.Encoder) { e.Tuple(4) },
			func(e *etf.Encoder) { e.Int(i) },
			func(e *etf.Encoder) { e.Uint(u) },
			func(e *etf.Encoder) { e.Atom(name) },
			func(e *etf.Encoder) { e.List(1) },
			func(e *etf.Encoder) { e.Binary(data) },
			(*etf.Encoder).Nil,
		}
		var whole, small etf.Encoder
		whole.Reset(make([]byte, 1000+len(data)))
		memory := make([]byte, int(room)+1)
		small.Reset(memory[:0:room])
		fitting := 0
		for _, f := range appendAll {
			f(&whole)
			f(&small)
			if whole.Len() <= int(room) {
				fitting = whole.Len()
			}
		}
		if whole.Full() {
			t.Fatal("did not fit where there was room")
		}
		if small.Full() != (whole.Len() > int(room)) {
			t.Errorf("%d bytes in %d: Full() = %t", whole.Len(), room, small.Full())
		}
		if !bytes.Equal(small.Bytes(), whole.Bytes()[:fitting]) {
			t.Errorf("%d bytes in %d: got %x, want %x", whole.Len(), room, small.Bytes(), whole.Bytes()[:fitting])
		}

		d := decoder(whole.Bytes())
		d.Version()
		arity := d.Tuple()
		gotInt, gotUint := d.Int64(), d.Uint64()
		gotName := string(latin1ToRunes(d.Atom(make([]byte, 255))))
		count := d.List()
		gotData := d.Binary()
		d.Nil()
		if !d.OK() || len(d.Rest()) != 0 || arity != 4 || count != 1 {
			t.Errorf("%x: OK() = %t, left %x, arity %d, count %d", whole.Bytes(), d.OK(), d.Rest(), arity, count)
		}
		if gotInt != i || gotUint != u || gotName != name || !bytes.Equal(gotData, data) {
			t.Errorf("read %d, %d, %q, %x, want %d, %d, %q, %x", gotInt, gotUint, gotName, gotData, i, u, name, data)
		}
	})
}

// latin1Name turns s into the text of an atom that can be appended and read
// back: Latin-1 without NUL, at most 255 bytes in UTF-8.
func latin1Name(s string) string {
	var name []byte
	for _, r := range s {
		c := string(rune(byte(r)))
		if c != "\x00" && len(name)+len(c) <= 255 {
			name = append(name, c...)
		}
	}
	return string(name)
}
