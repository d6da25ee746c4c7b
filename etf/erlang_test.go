// SPDX-License-Identifier: ISC

package etf_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/etf"
)

var (
	seed  = flag.Uint64("seed", 1, "of the terms that are compared with Erlang")
	count = flag.Int("terms", 1000, "number of terms that are compared with Erlang")
)

// The package is compared with the Erlang virtual machine. Without it the test
// fails.
func TestErlangAgrees(t *testing.T) {
	t.Logf("-seed %d -terms %d", *seed, *count)
	erlang := startVM(t)
	for name, test := range map[string]func(*testing.T, *vm, *rand.Rand){
		"it reads what is appended":                               testErlangReads,
		"integers are encoded byte for byte as it does":           testIntegerEncoding,
		"atoms are encoded byte for byte as it does":              testAtomEncoding,
		"what it encodes is read":                                 testReadingErlang,
		"unusual encodings are read as it reads them":             testUnusualEncodings,
		"iolists have the bytes that it finds":                    testIOLists,
		"types that are not known are refused as it encodes them": testUnknownTypes,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &vm{t, erlang.in, erlang.out, erlang.log}, rand.New(rand.NewPCG(*seed, 0)))
		})
	}
}

// A vm is a running Erlang virtual machine that answers questions, see
// testdata/vm.erl.
type vm struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Reader
	log *bytes.Buffer
}

func startVM(t *testing.T) *vm {
	t.Helper()
	erl, err := exec.LookPath("erl")
	if err != nil {
		t.Fatalf("these tests compare with Erlang, which must be installed: %v", err)
	}
	cmd := exec.Command(erl, "-noinput", "-boot", "no_dot_erlang", "-eval",
		`{ok, M, B} = compile:file("vm", [binary]), {module, M} = code:load_binary(M, "vm.erl", B), M:main().`)
	cmd.Dir = "testdata"
	log := new(bytes.Buffer)
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("erl: %v\n%s", err, log)
		}
	})
	return &vm{t, in, bufio.NewReader(out), log}
}

// ask sends a question and returns the answer.
func (v *vm) ask(question ...[]byte) string {
	v.t.Helper()
	q := bytes.Join(question, nil)
	frame := append(binary.BigEndian.AppendUint32(nil, uint32(len(q))), q...)
	if _, err := v.in.Write(frame); err != nil {
		v.t.Fatalf("asking Erlang: %v\n%s", err, v.log)
	}
	var size [4]byte
	if _, err := io.ReadFull(v.out, size[:]); err != nil {
		v.t.Fatalf("Erlang does not answer: %v\n%s", err, v.log)
	}
	answer := make([]byte, binary.BigEndian.Uint32(size[:]))
	if _, err := io.ReadFull(v.out, answer); err != nil {
		v.t.Fatalf("Erlang does not answer: %v\n%s", err, v.log)
	}
	if bytes.HasPrefix(answer, []byte("!")) {
		v.t.Fatalf("Erlang fails on %.1000q: %s", q, answer[1:])
	}
	return string(answer)
}

// same reports an error unless msg, with its version byte, is the term that is
// written in Erlang as text.
func (v *vm) same(msg []byte, text string) {
	v.t.Helper()
	size := binary.BigEndian.AppendUint32(nil, uint32(len(msg)))
	if got := v.ask([]byte("same"), size, msg, []byte(text)); got != "yes" {
		v.t.Errorf("is %x the term %s? %s", msg, text, got)
	}
}

// encodings returns how Erlang encodes a term with its default options and with
// minor versions 0 to 2. Ask "encode" for a term and "evaluate" for an expression.
func (v *vm) encodings(ask, text string) [][]byte {
	v.t.Helper()
	var msgs [][]byte
	for _, h := range strings.Fields(v.ask([]byte(ask), []byte(text))) {
		msg := unhex(h)
		if msg[0] != etf.Version {
			v.t.Fatalf("Erlang encodes %s as %x", text, msg)
		}
		msgs = append(msgs, msg)
	}
	return msgs
}

// iolist returns the bytes of an iolist, or false if Erlang takes msg for none.
func (v *vm) iolist(msg []byte) ([]byte, bool) {
	v.t.Helper()
	b, err := hex.DecodeString(v.ask([]byte("iolist"), msg))
	if err != nil {
		v.t.Fatal(err)
	}
	return b[1:], b[0] == '+'
}

// withVersion puts the version byte before an encoded term.
func withVersion(b []byte) []byte { return append([]byte{etf.Version}, b...) }

func testErlangReads(t *testing.T, erlang *vm, r *rand.Rand) {
	for n := 0; n < *count; {
		want := randomTerm(r, 4)
		if want.hasLongAtom() {
			continue
		}
		msg := encoded(func(e *etf.Encoder) { e.Version(); appendTerm(e, want) })
		erlang.same(msg, want.String())
		n++
	}
}

// hasLongAtom reports whether an atom of t takes more than 255 bytes in UTF-8,
// which an Encoder has no encoding for.
func (t term) hasLongAtom() bool {
	switch t.tag {
	case atom, smallAtom:
		return len(string(latin1ToRunes(t.text))) > 255
	case atomUTF8:
		return len(t.text) > 255
	case list:
		return t.tail.hasLongAtom() || slices.ContainsFunc(t.elems, term.hasLongAtom)
	}
	return slices.ContainsFunc(t.elems, term.hasLongAtom)
}

// appendTerm appends a term of the types that have an Append method.
func appendTerm(e *etf.Encoder, t term) {
	switch t.tag {
	case smallInteger, integer, smallBig, largeBig:
		if t.value.IsInt64() {
			e.Int(t.value.Int64())
		} else {
			e.Uint(t.value.Uint64())
		}
	case atom, smallAtom:
		e.Atom(string(latin1ToRunes(t.text)))
	case atomUTF8, smallAtomUTF8:
		e.AtomBytes(t.text)
	case smallTuple, largeTuple:
		e.Tuple(len(t.elems))
		for _, elem := range t.elems {
			appendTerm(e, elem)
		}
	case nilTag:
		e.Nil()
	case stringTag:
		e.List(len(t.text))
		for _, c := range t.text {
			e.Uint(uint64(c))
		}
		e.Nil()
	case list:
		e.List(len(t.elems))
		for _, elem := range t.elems {
			appendTerm(e, elem)
		}
		appendTerm(e, *t.tail)
	case binaryTag:
		e.Binary(t.text)
	}
}

func testIntegerEncoding(t *testing.T, erlang *vm, r *rand.Rand) {
	for range *count {
		// Up to here the virtual machine, which has INTEGER_EXT for 32 bits,
		// agrees with the library for C programs, which has it for 28.
		v := r.Int64N(1<<28) - 1<<27
		if r.IntN(2) == 0 {
			v >>= r.IntN(28)
		}
		checkEncoding(t, erlang, fmt.Sprint(v), func(e *etf.Encoder) { e.Int(v) })
		// And from here on.
		u := r.Uint64() | 1<<(32+r.IntN(32))
		checkEncoding(t, erlang, fmt.Sprint(u), func(e *etf.Encoder) { e.Uint(u) })
		v = int64(u>>1) | 1<<32
		checkEncoding(t, erlang, fmt.Sprint(-v), func(e *etf.Encoder) { e.Int(-v) })
	}
}

func testAtomEncoding(t *testing.T, erlang *vm, r *rand.Rand) {
	for range *count {
		text := make([]rune, r.IntN(127))
		for i := range text {
			text[i] = rune(r.IntN(0x100))
		}
		checkEncoding(t, erlang, quoteAtom(text), func(e *etf.Encoder) { e.Atom(string(text)) })
	}
}

// checkEncoding reports an error unless f appends the term that is written as
// text just as Erlang encodes it with minor version 2.
func checkEncoding(t *testing.T, erlang *vm, text string, f func(*etf.Encoder)) {
	t.Helper()
	got := encoded(func(e *etf.Encoder) { e.Version(); f(e) })
	if diff := cmp.Diff(erlang.encodings("encode", text)[3], got); diff != "" {
		t.Errorf("%s (-Erlang +got):\n%s", text, diff)
	}
}

func testReadingErlang(t *testing.T, erlang *vm, r *rand.Rand) {
	for range *count {
		want := randomTerm(r, 4)
		for _, msg := range erlang.encodings("encode", want.String()) {
			checkTerm(t, erlang, msg[1:], want.String())
		}
	}
}

func testUnusualEncodings(t *testing.T, erlang *vm, r *rand.Rand) {
	for range *count {
		want := randomTerm(r, 4)
		checkTerm(t, erlang, want.encode(nil), want.String())
	}
}

// checkTerm reports an error unless msg is decoded as the Erlang term that is
// written as text: by the package, by the implementation of the tests, and by
// Erlang.
func checkTerm(t *testing.T, erlang *vm, msg []byte, text string) {
	t.Helper()
	erlang.same(withVersion(msg), text)
	want, size, ok := parse(msg)
	if !ok || size != len(msg) {
		t.Errorf("%x (%s): the tests parse %d bytes of %d", msg, text, size, len(msg))
		return
	}
	erlang.same(withVersion(msg), want.String())
	d := decoder(msg)
	checkRead(t, d, want)
	if !d.OK() || len(d.Rest()) != 0 {
		t.Errorf("%x (%s): OK() = %t, left %x", msg, text, d.OK(), d.Rest())
	}
	d.Reset(msg)
	if d.Skip(); !d.OK() || len(d.Rest()) != 0 {
		t.Errorf("%x (%s): Skip: OK() = %t, left %x", msg, text, d.OK(), d.Rest())
	}
}

// checkRead reads the term want from d with the method for its type.
func checkRead(t *testing.T, d *etf.Decoder, want term) {
	t.Helper()
	if got := d.Tag(); got != want.tag {
		t.Errorf("Tag() = %d, want %d (%s)", got, want.tag, want)
	}
	switch want.tag {
	case smallInteger, integer, smallBig, largeBig:
		if got := readInteger(d, want.value); got == nil || got.Cmp(want.value) != 0 {
			t.Errorf("read %s, want %s", got, want.value)
		}
	case atom, smallAtom, atomUTF8, smallAtomUTF8:
		text, ok := want.atomText()
		if !ok {
			d.Skip()
			return
		}
		if got := string(d.Atom(make([]byte, 0, 255))); got != text {
			t.Errorf("read atom %q, want %q", got, text)
		}
	case smallTuple, largeTuple:
		checkElements(t, d, d.Tuple(), want.elems)
	case list:
		checkElements(t, d, d.List(), want.elems)
		checkRead(t, d, *want.tail)
	case nilTag:
		d.Nil()
	case stringTag:
		if got := d.String(); !bytes.Equal(got, want.text) {
			t.Errorf("read string %x, want %x", got, want.text)
		}
	case binaryTag:
		if got := d.Binary(); !bytes.Equal(got, want.text) {
			t.Errorf("read binary %x, want %x", got, want.text)
		}
	}
}

func checkElements(t *testing.T, d *etf.Decoder, n int, want []term) {
	t.Helper()
	if n != len(want) {
		t.Errorf("read a header for %d elements, want %d", n, len(want))
	}
	for _, e := range want {
		checkRead(t, d, e)
	}
}

// readInteger reads an integer with a reader for numbers like v, or skips it if
// there is none.
func readInteger(d *etf.Decoder, v *big.Int) *big.Int {
	switch {
	case v.IsInt64():
		return big.NewInt(d.Int64())
	case v.IsUint64():
		return new(big.Int).SetUint64(d.Uint64())
	}
	d.Skip()
	return v
}

func testIOLists(t *testing.T, erlang *vm, r *rand.Rand) {
	const max = 300
	reasons := map[string]int{}
	for range 2 * *count {
		msg := randomIOList(r).encode(nil)
		got := readIOList(msg, max)
		want, isIOList := erlang.iolist(withVersion(msg))
		parsed, _, ok := parse(msg)
		if !ok {
			t.Fatalf("%x: not parsed", msg)
		}
		_, reason := parsed.iolist(nil, max, 0)
		reasons[reason]++
		switch {
		case got.OK != (reason == ""):
			t.Errorf("%x: accepted %t, but the rules say %q", msg, got.OK, reason)
		case got.OK && (!isIOList || got.Value != string(want)):
			t.Errorf("%x: read %q, Erlang %q (iolist: %t)", msg, got.Value, want, isIOList)
		case got.OK && got.Offset != len(msg):
			t.Errorf("%x: left %d bytes", msg, len(msg)-got.Offset)
		}
	}
	for _, reason := range []string{"", "too deep", "too long", "wrong type", "wrong tail"} {
		if reasons[reason] < *count/100 {
			t.Errorf("only %d of %d iolists have the outcome %q", reasons[reason], 2**count, reason)
		}
	}
}

func testUnknownTypes(t *testing.T, erlang *vm, _ *rand.Rand) {
	for _, expr := range []string{
		"1.5", "#{}", "#{a => 1}", "<<1:3>>", "self()", "make_ref()",
		"fun(X) -> X end", "fun erlang:self/0", "hd(erlang:ports())",
	} {
		for _, msg := range erlang.encodings("evaluate", expr) {
			for name, reader := range readers {
				if name == "Tag" || name == "Kind" {
					continue
				}
				d := decoder(msg[1:])
				if reader(d); d.OK() {
					t.Errorf("%s accepts %s (%x)", name, expr, msg)
				}
			}
			inTuple := decoder(append(unhex("6801"), msg[1:]...))
			if inTuple.Skip(); inTuple.OK() {
				t.Errorf("Skip accepts {%s} (%x)", expr, msg)
			}
		}
	}
}
