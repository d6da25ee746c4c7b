// SPDX-License-Identifier: ISC

package etf_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/alcove-go/alcove/etf"
)

// textOf returns a term as Text shows it with room for so many bytes, and what of msg was
// read.
func textOf(msg []byte, room int) (text string, read int, ok bool) {
	var d etf.Decoder
	var t etf.Text
	d.Reset(msg)
	t.Reset(make([]byte, 0, room))
	t.Term(&d)
	return string(t.Bytes()), d.Offset(), d.OK()
}

const ample = 1 << 16

func TestTextShowsTermsAsErlangDoes(t *testing.T) {
	for _, test := range []struct{ msg, want string }{
		{"61 00", "0"},
		{"61 ff", "255"},
		{"62 ffffffff", "-1"},
		{"62 80000000", "-2147483648"},
		{"6e 08 00 ffffffffffffffff", "18446744073709551615"},
		{"6e 08 01 0000000000000080", "-9223372036854775808"},
		{"6e 09 00 000000000000000001", "16#010000000000000000"},
		{"6e 0a 01 ff00000000000000abcd", "-16#CDAB00000000000000FF"},
		{"6e 0b 00 0000000000000000010000", "16#010000000000000000"},
		{"6f 00000001 00 07", "7"},
		{"6e 00 00", "0"},
		{"77 02 6f6b", "ok"},
		{"64 0003 615f40", "a_@"},
		{"73 02 6142", "aB"},
		{"77 02 4161", "'Aa'"},
		{"77 00", "''"},
		{"77 03 612d62", "'a-b'"},
		{"77 04 275c0a07", `'\'\\\n\x{7}'`},
		{"73 01 e9", `'\x{E9}'`},
		{"77 02 c3a9", `'\x{E9}'`},
		{"77 03 e282ac", `'\x{20AC}'`},
		{"77 04 f09f9880", `'\x{1F600}'`},
		{"77 02 c361", `'\x{C3}a'`},
		{"77 01 e2", `'\x{E2}'`},
		{"6a", "[]"},
		{"6b 0003 616263", `"abc"`},
		{"6b 0003 220d09", `"\"\r\t"`},
		{"6b 0002 0102", "[1,2]"},
		{"6b 0002 61e9", "[97,233]"},
		{"6b 0000", `""`},
		{"6d 00000000", "<<>>"},
		{"6d 00000002 6869", `<<"hi">>`},
		{"6d 00000002 1b5b", "<<27,91>>"},
		{"68 00", "{}"},
		{"68 02 7702 6f6b 6101", "{ok,1}"},
		{"69 00000001 6a", "{[]}"},
		{"6c 00000002 6101 6102 6a", "[1,2]"},
		{"6c 00000001 6101 6102", "[1|2]"},
		{"6c 00000001 6101 6b0001 61", `[1|"a"]`},
		{"6c 00000001 6101 6c 00000002 6102 6103 6a", "[1,2,3]"},
		{"6c 00000000 6a", "[]"},
		{"6c 00000001 6c 00000000 6a 6a", "[[]]"},
		{"6c 00000000 6c 00000000 6101", "1"},
		{"6c 00000001 6101 6c 00000000 6102", "[1|2]"},
		{wrap(16, "6161"), strings.Repeat("[", 16) + "97" + strings.Repeat("]", 16)},
		{wrap(17, "6161"), strings.Repeat("[", 16) + "..." + strings.Repeat("]", 16)},
		{wrap(5000, "6161"), strings.Repeat("[", 16) + "..." + strings.Repeat("]", 16)},
	} {
		msg := unhex(test.msg)
		got, read, ok := textOf(msg, ample)
		if got != test.want || read != len(msg) || !ok {
			t.Errorf("%.40s: got %.60s, read %d of %d bytes, ok %v, want %.60s", test.msg, got, read, len(msg), ok, test.want)
		}
	}
}

func TestTextMarksWhatIsNoTerm(t *testing.T) {
	for msg, want := range map[string]string{
		"":                            "?",
		"00":                          "?",
		"46 0000000000000000":         "?", // a float
		"61":                          "?",
		"68 02 61":                    "?",
		"68 02 6101":                  "{1,?",
		"68 02 6101 6d 0000ffff":      "{1,?",
		"6c 00000001 6101":            "[1|?",
		"6c 00000001 6101 00":         "[1|?",
		wrap(17, "00"):                strings.Repeat("[", 16) + "...?",
		"68 02 7702 6f6b 74 00000000": "{ok,?",
	} {
		got, _, ok := textOf(unhex(msg), ample)
		if got != want || ok {
			t.Errorf("%.60s: got %s, ok %v, want %s", msg, got, ok, want)
		}
	}
}

func TestTextIsCutWhereTheRoomEnds(t *testing.T) {
	message := unhex("68 02 7705 6572726f72 6d 00000004 01020304") // {error,<<1,2,3,4>>}
	for room, want := range map[int]string{
		0: "", 1: ".", 2: "..", 3: "...", 4: "{...", 9: "{error...", 10: "{error,...",
		13: "{error,<<1...", 20: "{error,<<1,2,3,4>...", 21: "{error,<<1,2,3,4>>...", 22: "{error,<<1,2,3,4>>}",
	} {
		if got, _, _ := textOf(message, room); got != want {
			t.Errorf("room for %d bytes: got %s, want %s", room, got, want)
		}
	}
	long := append(unhex("6d 0000ffff"), strings.Repeat("a", 0xffff)...)
	if got, _, _ := textOf(long, 12); got != `<<"aaaaaa...` {
		t.Errorf("a long binary: got %s", got)
	}
	nothing := unhex("6d 00000000")
	if got, _, _ := textOf(nothing, 7); got != "<<>>" {
		t.Errorf("what just fits: got %s", got)
	}
}

func TestTextTakesNothingMoreOnceItIsCut(t *testing.T) {
	var text etf.Text
	text.Reset(make([]byte, 0, 8))
	text.String("abcdef")
	text.String("g")
	text.Int(1)
	text.Binary([]byte("x"))
	if got := string(text.Bytes()); got != "abcde..." {
		t.Errorf("got %s", got)
	}
	text.Reset(text.Bytes())
	text.Int(-12)
	if got := string(text.Bytes()); got != "-12" {
		t.Errorf("after Reset: got %s", got)
	}
}

func TestTextWritesNumbersInDecimal(t *testing.T) {
	for v, want := range map[int64]string{
		0: "0", 9: "9", 10: "10", -1: "-1", 1<<63 - 1: "9223372036854775807", -1 << 63: "-9223372036854775808",
	} {
		var text etf.Text
		text.Reset(make([]byte, 0, 64))
		text.Int(v)
		if got := string(text.Bytes()); got != want {
			t.Errorf("%d: got %s", v, got)
		}
	}
}

func TestWritingTextAllocatesNothing(t *testing.T) {
	buf := make([]byte, 0, 512)
	for _, msg := range terms {
		n := testing.AllocsPerRun(10, func() {
			var d etf.Decoder
			var text etf.Text
			d.Reset(msg)
			text.Reset(buf)
			text.Term(&d)
		})
		if n != 0 {
			t.Errorf("%.40x: %v allocations, want none", msg, n)
		}
	}
}

// A text that is not cut is the one of the rules, which are written down here a
// second time. One that is cut keeps to its room.
func FuzzText(f *testing.F) {
	for _, msg := range terms {
		f.Add(msg, uint16(20))
	}
	f.Fuzz(func(t *testing.T, msg []byte, room uint16) {
		got, read, ok := textOf(msg, ample)
		parsed, size, isTerm := parse(msg)
		if isTerm && len(msg) < ample/8 {
			if want := parsed.shown(0); got != want || read != size || !ok {
				t.Errorf("%x: got %s, read %d, ok %v, want %s, read %d", msg, got, read, ok, want, size)
			}
		}
		if !isTerm && ok {
			t.Errorf("%x is no term, got %s", msg, got)
		}
		got, _, _ = textOf(msg, int(room))
		if len(got) > int(room) || strings.Trim(got, asciiThatPrints) != "" {
			t.Errorf("%x with room for %d: got %d bytes, %q", msg, room, len(got), got)
		}
	})
}

var asciiThatPrints = func() string {
	var b []byte
	for c := byte(' '); c <= '~'; c++ {
		b = append(b, c)
	}
	return string(b)
}()

// shown returns what Text shows of t within that many brackets.
func (t term) shown(depth int) string {
	switch t.tag {
	case smallInteger, integer, smallBig, largeBig:
		return shownInteger(t.value)
	case atom, smallAtom:
		return shownAtom(latin1ToRunes(t.text))
	case atomUTF8, smallAtomUTF8:
		return shownAtom(utf8ToRunes(t.text))
	case nilTag:
		return "[]"
	case stringTag:
		if s, ok := shownText(t.text); ok {
			return s
		}
		return "[" + joinBytes(t.text) + "]"
	case binaryTag:
		if s, ok := shownText(t.text); ok && len(t.text) > 0 {
			return "<<" + s + ">>"
		}
		return "<<" + joinBytes(t.text) + ">>"
	}
	if depth == 16 {
		return "..."
	}
	if t.tag != list {
		return "{" + shownAll(t.elems, depth+1) + "}"
	}
	if len(t.elems) == 0 {
		return t.tail.shown(depth)
	}
	elems := t.elems
	for tail := t.tail; ; tail = tail.tail {
		if tail.tag != list {
			if tail.tag != nilTag {
				return "[" + shownAll(elems, depth+1) + "|" + tail.shown(depth+1) + "]"
			}
			return "[" + shownAll(elems, depth+1) + "]"
		}
		elems = append(elems[:len(elems):len(elems)], tail.elems...)
	}
}

func shownAll(terms []term, depth int) string {
	var texts []string
	for _, t := range terms {
		texts = append(texts, t.shown(depth))
	}
	return strings.Join(texts, ",")
}

func shownInteger(v *big.Int) string {
	if v.BitLen() <= 64 {
		return v.String()
	}
	sign, digits := "", fmt.Sprintf("%X", new(big.Int).Abs(v))
	if v.Sign() < 0 {
		sign = "-"
	}
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	return sign + "16#" + digits
}

// utf8ToRunes takes each byte for a character that is not part of one.
func utf8ToRunes(b []byte) (runes []rune) {
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			r = rune(b[0])
		}
		runes, b = append(runes, r), b[size:]
	}
	return runes
}

func shownAtom(runes []rune) string {
	plain := len(runes) > 0
	for i, r := range runes {
		lower := r >= 'a' && r <= 'z'
		more := r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '@'
		plain = plain && (lower || i > 0 && more)
	}
	if plain {
		return string(runes)
	}
	return quoted(runes, '\'')
}

func shownText(b []byte) (string, bool) {
	for _, c := range b {
		if (c < ' ' || c > '~') && !strings.ContainsRune("\n\r\t", rune(c)) {
			return "", false
		}
	}
	return quoted(latin1ToRunes(b), '"'), true
}

func quoted(runes []rune, quote rune) string {
	s := string(quote)
	for _, r := range runes {
		switch {
		case r == quote || r == '\\':
			s += `\` + string(r)
		case strings.ContainsRune("\n\r\t", r):
			s += map[rune]string{'\n': `\n`, '\r': `\r`, '\t': `\t`}[r]
		case r < ' ' || r > '~':
			s += fmt.Sprintf(`\x{%X}`, r)
		default:
			s += string(r)
		}
	}
	return s + string(quote)
}

func TestErlangReadsWhatTextShows(t *testing.T) {
	t.Logf("-seed %d -terms %d", *seed, *count)
	vm, r := startVM(t), rand.New(rand.NewPCG(*seed, 1))
	for range *count {
		msg := append([]byte{etf.Version}, randomTerm(r, 3).encode(nil)...)
		text, _, _ := textOf(msg[1:], ample)
		vm.same(msg, text)
	}
}
