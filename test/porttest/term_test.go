// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTermsSurviveEncodingAndDecoding(t *testing.T) {
	for _, term := range []Term{
		0, 255, 256, -1, 1<<27 - 1, 1 << 27, -1 << 27, -1<<27 - 1, 1<<31 - 1, -1 << 31, 1 << 62, uint64(1<<64 - 1),
		Atom(""), Atom("ok"), Binary(""), Binary("\x00\xff"), String("abc"), List{}, List{1, Atom("a")},
		Chained{1, 2, Binary("x")}, Tuple{}, Tuple{Atom("ok"), List{Chained{1, 2}}}, LargeTuple{1},
		Improper{[]Term{1}, Atom("x")}, Improper{[]Term{1, 2}, String("x")}, Float(1.5),
	} {
		got, err := Decode(Encode(term))
		if diff := cmp.Diff(term, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", Format(term), err, diff)
		}
	}
}

func TestIntegersAreEncodedAsLibeiDoes(t *testing.T) {
	for _, c := range []struct {
		term Term
		want string
	}{
		{255, "83 61 ff"},
		{256, "83 62 00 00 01 00"},
		{-1, "83 62 ff ff ff ff"},
		{134217727, "83 62 07 ff ff ff"},
		{134217728, "83 6e 04 00 00 00 00 08"},
		{2147483647, "83 6e 04 00 ff ff ff 7f"},
		{4294967294, "83 6e 04 00 fe ff ff ff"},
		{-4294967296, "83 6e 05 01 00 00 00 00 01"},
		{uint64(1<<64 - 1), "83 6e 08 00 ff ff ff ff ff ff ff ff"},
		{new(big.Int).Lsh(big.NewInt(1), 64), "83 6e 09 00 00 00 00 00 00 00 00 00 01"},
	} {
		if got := fmt.Sprintf("% x", Encode(c.term)); got != c.want {
			t.Errorf("%s is % s, want %s", Format(c.term), got, c.want)
		}
	}
}

func TestNestedFramesAreTakenApart(t *testing.T) {
	const a, b = 0x166b, 0x315d
	for _, c := range []struct {
		frame string // without its length field
		want  Message
	}{
		{"\x00\x04\x83\x77\x02ok", Reply(nil, Atom("ok"))},
		{"\x00\x01\x00\x00\x16\x6bA\n", Stdout(Pipeline{a}, "A\n")},
		{"\x00\x02\x00\x00\x16\x6bB\n", Stderr(Pipeline{a}, "B\n")},
		{"\x00\x03\x00\x00\x16\x6b\x00\x0f\x00\x03\x00\x00\x31\x5d\x00\x06\x00\x04\x83\x77\x02ok", Message{
			Pipeline{a}, TypeMalformed, "\x00\x03\x00\x00\x31\x5d\x00\x06\x00\x04\x83\x77\x02ok"}},
		{"\x00\x03\x00\x00\x16\x6b\x00\x10\x00\x03\x00\x00\x31\x5d\x00\x08\x00\x04\x83\x62\x00\x00\x31\x5d",
			Reply(Pipeline{a, b}, b)},
		{"\x00\x03\x00\x00\x16\x6b\x00\x08\x00\x07\x83\x62\x00\x00\x10\x00", Pipe(Pipeline{a}, 4096)},
		{"\x00\x09", Message{nil, TypeMalformed, "\x00\x09"}},
		{"\x00\x06\x83\x61\x01", Message{nil, TypeMalformed, "\x00\x06\x83\x61\x01"}},
	} {
		got, _ := parse([]byte(c.frame))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("% x: %s", c.frame, diff)
		}
	}
}

func TestCallFramesAreNestedInwards(t *testing.T) {
	got := fmt.Sprintf("% x", CallFrame(Pipeline{0x166b, 0x315d}, "getpid"))
	want := "00 17 00 00 00 00 16 6b 00 0f 00 00 00 00 31 5d 00 07 00 04 00 24 83 68 00"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
