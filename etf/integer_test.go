// SPDX-License-Identifier: ISC

package etf_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

// readIntegers reads msg with each of the readers of integers and returns what
// they said, in the order of the columns of the tables below.
func readIntegers(msg []byte) []string {
	return []string{
		say(read(msg, (*etf.Decoder).Int), len(msg)),
		say(read(msg, (*etf.Decoder).Uint), len(msg)),
		say(read(msg, (*etf.Decoder).Int64), len(msg)),
		say(read(msg, (*etf.Decoder).Uint64), len(msg)),
		say(read(msg, (*etf.Decoder).Int32Term), len(msg)),
	}
}

// say turns a result into text: a value that took all of size bytes, "-" for a
// refusal that moved nothing, and anything else in full.
func say[T comparable](r result[T], size int) string {
	switch r {
	case accepted(r.Value, size):
		return fmt.Sprint(r.Value)
	case refused[T]():
		return "-"
	}
	return fmt.Sprintf("%+v", r)
}

func TestReadersOfIntegersTakeEveryEncodingWithinTheirRange(t *testing.T) {
	tests := []struct {
		name, message string
		want          []string // Int, Uint, Int64, Uint64, Int32Term
	}{
		{"0 as small integer", "61 00", []string{"0", "0", "0", "0", "0"}},
		{"255 as small integer", "61 ff", []string{"255", "255", "255", "255", "255"}},
		{"5 as integer", "62 00000005", []string{"5", "5", "5", "5", "5"}},
		{"-1 as integer", "62 ffffffff", []string{"-1", "-", "-1", "-", "-1"}},
		{"2^31-1 as integer", "62 7fffffff", []string{"2147483647", "2147483647", "2147483647", "2147483647", "2147483647"}},
		{"-2^31 as integer", "62 80000000", []string{"-2147483648", "-", "-2147483648", "-", "-2147483648"}},

		{"5 as small big", "6e 01 00 05", []string{"5", "5", "5", "5", "-"}},
		{"-5 as small big", "6e 01 01 05", []string{"-5", "-", "-5", "-", "-"}},
		{"-5 with sign byte 255", "6e 01 ff 05", []string{"-5", "-", "-5", "-", "-"}},
		{"5 as large big", "6f 00000001 00 05", []string{"5", "5", "5", "5", "-"}},
		{"-5 as large big", "6f 00000001 02 05", []string{"-5", "-", "-5", "-", "-"}},
		{"0 as small big without magnitude", "6e 00 00", []string{"0", "0", "0", "0", "-"}},
		{"0 as large big without magnitude", "6f 00000000 00", []string{"0", "0", "0", "0", "-"}},
		{"0 as small big of one byte", "6e 01 00 00", []string{"0", "0", "0", "0", "-"}},
		{"minus zero without magnitude", "6e 00 01", []string{"0", "-", "0", "-", "-"}},
		{"minus zero of one byte", "6e 01 01 00", []string{"0", "-", "0", "-", "-"}},
		{"minus zero as large big", "6f 00000001 80 00", []string{"0", "-", "0", "-", "-"}},

		{"2^31-1", "6e 04 00 ffffff7f", []string{"2147483647", "2147483647", "2147483647", "2147483647", "-"}},
		{"2^31", "6e 04 00 00000080", []string{"-", "2147483648", "2147483648", "2147483648", "-"}},
		{"-2^31", "6e 04 01 00000080", []string{"-2147483648", "-", "-2147483648", "-", "-"}},
		{"-2^31-1", "6e 04 01 01000080", []string{"-", "-", "-2147483649", "-", "-"}},
		{"2^32-1", "6e 04 00 ffffffff", []string{"-", "4294967295", "4294967295", "4294967295", "-"}},
		{"2^32", "6e 05 00 0000000001", []string{"-", "-", "4294967296", "4294967296", "-"}},
		{"2^63-1", "6e 08 00 ffffffffffffff7f", []string{"-", "-", "9223372036854775807", "9223372036854775807", "-"}},
		{"2^63", "6e 08 00 0000000000000080", []string{"-", "-", "-", "9223372036854775808", "-"}},
		{"-2^63", "6e 08 01 0000000000000080", []string{"-", "-", "-9223372036854775808", "-", "-"}},
		{"-2^63-1", "6e 08 01 0100000000000080", []string{"-", "-", "-", "-", "-"}},
		{"2^64-1", "6e 08 00 ffffffffffffffff", []string{"-", "-", "-", "18446744073709551615", "-"}},
		{"-2^64+1", "6e 08 01 ffffffffffffffff", []string{"-", "-", "-", "-", "-"}},
		{"2^64", "6e 09 00 000000000000000001", []string{"-", "-", "-", "-", "-"}},
		{"2^64 as large big", "6f 00000009 00 000000000000000001", []string{"-", "-", "-", "-", "-"}},
		{"-2^64", "6e 09 01 000000000000000001", []string{"-", "-", "-", "-", "-"}},

		{"7 with a ninth byte of zeros", "6e 09 00 070000000000000000", []string{"7", "7", "7", "7", "-"}},
		{"-7 with 255 bytes of magnitude", "6e ff 01 07" + repeat("00", 254), []string{"-7", "-", "-7", "-", "-"}},
		{"2^64-1 with 300 bytes of magnitude", "6f 0000012c 00" + repeat("ff", 8) + repeat("00", 292), []string{"-", "-", "-", "18446744073709551615", "-"}},
		{"7 and a bit in the last of 300 bytes", "6f 0000012c 00 07" + repeat("00", 298) + "01", []string{"-", "-", "-", "-", "-"}},
		{"five in a big without its last byte", "6e 02 00 05", []string{"5", "5", "5", "5", "-"}},

		{"float", "46 3ff0000000000000", []string{"-", "-", "-", "-", "-"}},
		{"atom", "77 01 31", []string{"-", "-", "-", "-", "-"}},
		{"binary", "6d 00000001 31", []string{"-", "-", "-", "-", "-"}},
		{"string", "6b 0001 31", []string{"-", "-", "-", "-", "-"}},
		{"empty list", "6a", []string{"-", "-", "-", "-", "-"}},
		{"tuple", "68 01 61 01", []string{"-", "-", "-", "-", "-"}},
		{"integer cut short", "62 000000", []string{"-", "-", "-", "-", "-"}},
		{"nothing", "", []string{"-", "-", "-", "-", "-"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, readIntegers(unhex(tt.message))); diff != "" {
				t.Errorf("%s: Int, Uint, Int64, Uint64, Int32Term (-want +got):\n%s", tt.message, diff)
			}
		})
	}
}

func TestIntegersAreEncodedAsErlangDoes(t *testing.T) {
	signed := map[int64]string{
		0: "61 00", 1: "61 01", 255: "61 ff",
		256: "62 00000100", -1: "62 ffffffff", -256: "62 ffffff00",
		134217727:    "62 07ffffff",
		134217728:    "6e 04 00 00000008",
		-134217728:   "62 f8000000",
		-134217729:   "6e 04 01 01000008",
		2147483647:   "6e 04 00 ffffff7f",
		-2147483648:  "6e 04 01 00000080",
		4294967294:   "6e 04 00 feffffff",
		4294967295:   "6e 04 00 ffffffff",
		4294967296:   "6e 05 00 0000000001",
		-4294967296:  "6e 05 01 0000000001",
		1 << 40:      "6e 06 00 000000000001",
		1<<48 - 1:    "6e 06 00 ffffffffffff",
		1 << 48:      "6e 07 00 00000000000001",
		1<<56 - 1:    "6e 07 00 ffffffffffffff",
		1 << 56:      "6e 08 00 0000000000000001",
		1<<63 - 1:    "6e 08 00 ffffffffffffff7f",
		-(1<<63 - 1): "6e 08 01 ffffffffffffff7f",
		-1 << 63:     "6e 08 01 0000000000000080",
	}
	for v, want := range signed {
		if diff := cmp.Diff(unhex(want), encoded(func(e *etf.Encoder) { e.Int(v) })); diff != "" {
			t.Errorf("Int(%d) (-want +got):\n%s", v, diff)
		}
		if v < 0 {
			continue
		}
		if diff := cmp.Diff(unhex(want), encoded(func(e *etf.Encoder) { e.Uint(uint64(v)) })); diff != "" {
			t.Errorf("Uint(%d) (-want +got):\n%s", v, diff)
		}
	}
	for v, want := range map[uint64]string{
		1 << 63:   "6e 08 00 0000000000000080",
		1<<64 - 1: "6e 08 00 ffffffffffffffff",
	} {
		if diff := cmp.Diff(unhex(want), encoded(func(e *etf.Encoder) { e.Uint(v) })); diff != "" {
			t.Errorf("Uint(%d) (-want +got):\n%s", v, diff)
		}
	}
}
