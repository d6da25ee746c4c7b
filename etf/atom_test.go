// SPDX-License-Identifier: ISC

package etf_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

// readAtom reads an atom with more room than any needs.
func readAtom(msg []byte) result[string] {
	return read(msg, func(d *etf.Decoder) string { return string(d.Atom(make([]byte, 0, 1000))) })
}

func TestAtomIsReadAsLatin1UpToANUL(t *testing.T) {
	tests := []struct {
		name, message string
		want          result[string]
	}{
		{"Latin-1", "64 0002 6f6b ff", accepted("ok", 5)},
		{"small Latin-1", "73 02 6f6b ff", accepted("ok", 4)},
		{"UTF-8", "76 0002 6f6b ff", accepted("ok", 5)},
		{"small UTF-8", "77 02 6f6b ff", accepted("ok", 4)},
		{"empty Latin-1", "64 0000", accepted("", 3)},
		{"empty UTF-8", "77 00", accepted("", 2)},

		{"Latin-1 above ASCII", "64 0002 80ff", accepted("\x80\xff", 5)},
		{"Latin-1 that looks like UTF-8", "73 02 c3a9", accepted("\xc3\xa9", 4)},
		{"first character of UTF-8 with two bytes", "77 02 c280", accepted("\x80", 4)},
		{"U+00BF and U+00C0", "77 04 c2bf c380", accepted("\xbf\xc0", 6)},
		{"last character of Latin-1 in UTF-8", "77 02 c3bf", accepted("\xff", 4)},
		{"U+0100", "77 02 c480", refused[string]()},
		{"U+20AC", "77 03 e282ac", refused[string]()},
		{"U+1F600", "76 0004 f09f9880", refused[string]()},
		{"overlong NUL", "77 02 c080", refused[string]()},
		{"overlong U+007F", "77 02 c1bf", refused[string]()},
		{"overlong U+00E9 in three bytes", "77 03 e083a9", refused[string]()},
		{"continuation byte alone", "77 01 80", refused[string]()},
		{"first byte alone", "77 01 c3", refused[string]()},
		{"first byte with the other behind the atom", "77 01 c3 a9", refused[string]()},
		{"first byte before ASCII", "77 02 c341", refused[string]()},
		{"first byte twice", "77 02 c3c3", refused[string]()},
		{"byte that UTF-8 has not", "77 01 ff", refused[string]()},

		{"NUL within", "77 05 6f6b006161", accepted("ok", 7)},
		{"NUL within Latin-1", "64 0004 6f006b00", accepted("o", 7)},
		{"NUL only", "77 01 00", accepted("", 3)},
		{"invalid UTF-8 behind a NUL", "77 03 6100ff", refused[string]()},

		{"255 characters of Latin-1", "64 00ff" + repeat("61", 255), accepted(string(unhex(repeat("61", 255))), 258)},
		{"255 characters, small", "73 ff" + repeat("e9", 255), accepted(string(unhex(repeat("e9", 255))), 257)},
		{"256 characters of Latin-1", "64 0100" + repeat("61", 256), refused[string]()},
		{"256 characters of which a NUL is the first", "64 0100 00" + repeat("61", 255), refused[string]()},
		{"255 characters of two bytes in UTF-8", "76 01fe" + repeat("c3a9", 255), accepted(string(unhex(repeat("e9", 255))), 513)},
		{"256 characters of two bytes in UTF-8", "76 0200" + repeat("c3a9", 256), refused[string]()},
		{"256 characters of one byte in UTF-8", "76 0100" + repeat("61", 256), refused[string]()},

		{"string", "6b 0002 6f6b", refused[string]()},
		{"binary", "6d 00000002 6f6b", refused[string]()},
		{"integer", "61 01", refused[string]()},
		{"empty list", "6a", refused[string]()},
		{"tuple", "68 01 77 02 6f6b", refused[string]()},
		{"atom cut short", "77 03 6f6b", refused[string]()},
		{"nothing", "", refused[string]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readAtom(unhex(tt.message))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestAtomThatDoesNotFitInTheBufferIsRefused(t *testing.T) {
	for room, want := range map[int]result[string]{
		1: refused[string](),
		2: accepted("ok", 4),
	} {
		guard := []byte{0, 0, 0, 0}
		got := read(unhex("77 02 6f6b"), func(d *etf.Decoder) string { return string(d.Atom(guard[:0:room])) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with room for %d bytes (-want +got):\n%s", room, diff)
		}
		if diff := cmp.Diff([]byte{0, 0}, guard[2:]); diff != "" {
			t.Errorf("with room for %d bytes, behind the buffer (-want +got):\n%s", room, diff)
		}
	}
}

func TestAtomIsBuiltInTheBufferGiven(t *testing.T) {
	buf := make([]byte, 255)
	got := decoder(unhex("77 02 6f6b")).Atom(buf)
	if string(got) != "ok" || &got[0] != &buf[0] {
		t.Errorf("Atom(buf) = %q, built elsewhere: %t", got, &got[0] != &buf[0])
	}
}
