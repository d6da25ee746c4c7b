// SPDX-License-Identifier: ISC

package etf_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

func readIOList(msg []byte, max int) result[string] {
	return read(msg, func(d *etf.Decoder) string { return string(d.IOList(make([]byte, 0, max), max)) })
}

// wrap puts a term in n lists of one element.
func wrap(n int, term string) string {
	return repeat("6c00000001", n) + term + repeat("6a", n)
}

// zeroBinary and zeroString are a binary and a string of n zero bytes.
func zeroBinary(n int) string { return fmt.Sprintf("6d%08x", n) + repeat("00", n) }
func zeroString(n int) string { return fmt.Sprintf("6b%04x", n) + repeat("00", n) }

func TestIOListIsBytesBinariesStringsAndListsOfThese(t *testing.T) {
	tests := []struct {
		name, message string
		want          result[string]
	}{
		{"binary", "6d 00000002 6162 ff", accepted("ab", 7)},
		{"empty binary", "6d 00000000", accepted("", 5)},
		{"string", "6b 0002 6162 ff", accepted("ab", 5)},
		{"string without bytes", "6b 0000", accepted("", 3)},
		{"empty list", "6a ff", accepted("", 1)},
		{"list with a count of 0", "6c 00000000 6a ff", accepted("", 6)},
		{"list of all that may be in it", "6c 00000005 6161 6d 00000001 62 6b 0001 63 6a 6c 00000001 6164 6a 6a ff", accepted("abcd", 27)},
		{"elements behind a list", "6c 00000003 6c 00000001 6161 6a 6162 6c 00000001 6163 6a 6a", accepted("abc", 24)},
		{"lists closed together", "6c 00000002 6161 6c 00000001 6c 00000001 6162 6a 6a 6a", accepted("ab", 22)},
		{"list with a count of 0 within a list", "6c 00000002 6c 00000000 6a 6161 6a", accepted("a", 14)},
		{"list with a count of 0 as a tail", "6c 00000001 6161 6c 00000000 6a ff", accepted("a", 13)},
		{"NUL bytes", "6c 00000002 6100 6d 00000003 610062 6a", accepted("\x00a\x00b", 16)},

		{"integer", "61 05", refused[string]()},
		{"atom", "77 02 6f6b", refused[string]()},
		{"tuple", "68 00", refused[string]()},
		{"bitstring", "4d 00000001 04 f0", refused[string]()},
		{"nothing", "", refused[string]()},
		{"integer below 256 in four bytes as an element", "6c 00000001 62 00000005 6a", refused[string]()},
		{"big below 256 as an element", "6c 00000001 6e 01 00 05 6a", refused[string]()},
		{"large big below 256 as an element", "6c 00000001 6f 00000001 00 05 6a", refused[string]()},
		{"atom as an element", "6c 00000001 7701 61 6a", refused[string]()},
		{"tuple as an element", "6c 00000001 68 00 6a", refused[string]()},
		{"bitstring as an element", "6c 00000001 4d 00000001 04 f0 6a", refused[string]()},
		{"wrong element behind good ones", "6c 00000003 6161 6d 00000000 7701 61 6a", refused[string]()},

		{"list without a tail", "6c 00000001 6161", refused[string]()},
		{"binary as a tail", "6c 00000001 6161 6d 00000001 62", refused[string]()},
		{"byte as a tail", "6c 00000001 6161 6162", refused[string]()},
		{"string as a tail", "6c 00000001 6161 6b 0001 62", refused[string]()},
		{"string without bytes as a tail", "6c 00000001 6161 6b 0000", refused[string]()},
		{"list as a tail", "6c 00000001 6161 6c 00000001 6162 6a", refused[string]()},
		{"list with a count of 0 as a tail of one", "6c 00000000 6c 00000000 6a", refused[string]()},
		{"list with a count of 0 and a string as a tail of a list", "6c 00000001 6161 6c 00000000 6b 0000", refused[string]()},
		{"list with a count of 0 without a tail", "6c 00000000", refused[string]()},
		{"list with a count of 0 and a string as a tail", "6c 00000000 6b 0000", refused[string]()},
		{"list without a tail within a list", "6c 00000002 6c 00000001 6161 6162 6a", refused[string]()},
		{"element that is missing", "6c 00000002 6161", refused[string]()},
		{"element that does not fit", "6c 00000001 6d 00000003 61 6a", refused[string]()},
		{"count that does not fit", "6c 00000009 6161 6a", refused[string]()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readIOList(unhex(tt.message), 4095)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestIOListHasAtMostSixteenBrackets(t *testing.T) {
	for name, leaf := range map[string]string{
		"byte":                   "6161",
		"binary":                 "6d 00000001 61",
		"empty binary":           "6d 00000000",
		"string":                 "6b 0001 61",
		"empty list":             "6a",
		"list with a count of 0": "6c 00000000 6a",
	} {
		for brackets, ok := range map[int]bool{1: true, 15: true, 16: true, 17: false, 18: false, 5000: false} {
			got := readIOList(unhex(wrap(brackets, leaf)), 100)
			if got.OK != ok {
				t.Errorf("%s in %d brackets: accepted %t, want %t", name, brackets, got.OK, ok)
			}
		}
	}
	t.Run("the depth is that of an element, not the number of lists", func(t *testing.T) {
		deepest := wrap(15, "6161")
		msg := "6c 00000003" + deepest + deepest + deepest + "6a"
		if got := readIOList(unhex(msg), 100); got.Value != "aaa" || !got.OK {
			t.Errorf("got %+v, want aaa", got)
		}
	})
}

func TestIOListHasACapacity(t *testing.T) {
	pair := func(a, b string) string { return "6c 00000002" + a + b + "6a" }
	for _, max := range []int{63, 4095, 65534, 65535} {
		bytesOneByOne := func(n int) string { return fmt.Sprintf("6c%08x", n) + repeat("6100", n) + "6a" }
		tests := []struct {
			name, message string
			size          int // of what is accepted, -1 for what is refused
		}{
			{"binary of max bytes", zeroBinary(max), max},
			{"binary of max+1 bytes", zeroBinary(max + 1), -1},
			{"string of max-1 bytes", zeroString(max - 1), max - 1},
			{"string of max bytes", zeroString(max), -1},
			{"max bytes", bytesOneByOne(max), max},
			{"max+1 bytes", bytesOneByOne(max + 1), -1},
			{"list of a binary of max bytes", wrap(1, zeroBinary(max)), max},
			{"list of a string of max-1 bytes", wrap(1, zeroString(max-1)), max - 1},
			{"list of a string of max bytes", wrap(1, zeroString(max)), -1},
			{"binaries of max bytes together", pair(zeroBinary(1), zeroBinary(max-1)), max},
			{"binaries of max+1 bytes together", pair(zeroBinary(2), zeroBinary(max-1)), -1},
			{"byte behind max-1 bytes", pair(zeroBinary(max-1), "6100"), max},
			{"byte behind max bytes", pair(zeroBinary(max), "6100"), -1},
			{"string behind a binary, max-1 bytes together", pair(zeroBinary(1), zeroString(max-2)), max - 1},
			{"string behind a binary, max bytes together", pair(zeroBinary(1), zeroString(max-1)), -1},
			{"empty binary behind max-1 bytes", pair(zeroBinary(max-1), zeroBinary(0)), max - 1},
			{"empty binary behind max bytes", pair(zeroBinary(max), zeroBinary(0)), -1},
			{"string without bytes behind max-1 bytes", pair(zeroBinary(max-1), zeroString(0)), max - 1},
			{"string without bytes behind max bytes", pair(zeroBinary(max), zeroString(0)), -1},
			{"empty list behind max bytes", pair(zeroBinary(max), "6a"), -1},
			{"list with a count of 0 behind max bytes", pair(zeroBinary(max), "6c 00000000 6a"), -1},
			{"end of all lists behind max bytes", wrap(16, zeroBinary(max)), max},
			{"empty list behind the end of a list of max bytes", pair(wrap(1, zeroBinary(max)), "6a"), -1},
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, max %d", tt.name, max), func(t *testing.T) {
				got := read(unhex(tt.message), func(d *etf.Decoder) int { return len(d.IOList(make([]byte, 0, 1<<17), max)) })
				want := accepted(tt.size, len(unhex(tt.message)))
				if tt.size < 0 {
					want = refused[int]()
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

func TestIOListIsAppendedAndCountsOnlyItself(t *testing.T) {
	buf := make([]byte, 16)
	dst := append(buf[:0], "before "...)
	got := decoder(unhex("6d 00000005 7468697321")).IOList(dst, 5)
	if string(got) != "before this!" {
		t.Errorf("got %q", got)
	}
	if &got[0] != &buf[0] || cap(got) != cap(buf) {
		t.Errorf("the result is not the buffer given: capacity %d, want %d", cap(got), cap(buf))
	}
}

func TestIOListStaysWithinItsBuffer(t *testing.T) {
	for _, msg := range []string{zeroBinary(9), zeroString(8), wrap(1, zeroBinary(9)), "6c 00000002" + zeroBinary(8) + "6100 6a"} {
		guard := bytes.Repeat([]byte{0xAA}, 32)
		d := decoder(unhex(msg))
		if got := d.IOList(guard[:4:12], 4095); d.OK() || got != nil {
			t.Errorf("%s in eight bytes: accepted as %x", msg, got)
		}
		if diff := cmp.Diff(bytes.Repeat([]byte{0xAA}, 20), guard[12:]); diff != "" {
			t.Errorf("%s: behind the buffer (-want +got):\n%s", msg, diff)
		}
	}
}
