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

// These tests compare the package with the Erlang virtual machine, which they
// need: without it they fail.

var (
	seed  = flag.Uint64("seed", 1, "of the terms that are compared with Erlang")
	count = flag.Int("terms", 2000, "number of terms that are compared with Erlang")
)

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

func random(t *testing.T) *rand.Rand {
	t.Logf("-seed %d -terms %d", *seed, *count)
	return rand.New(rand.NewPCG(*seed, 0))
}

// withVersion puts the version byte before an encoded term.
func withVersion(b []byte) []byte { return append([]byte{etf.Version}, b...) }

func TestErlangReadsWhatIsAppended(t *testing.T) {
	erlang, r := startVM(t), random(t)
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

func TestIntegersAreEncodedByteForByteAsErlangDoes(t *testing.T) {
	erlang, r := startVM(t), random(t)
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

func TestAtomsAreEncodedByteForByteAsErlangDoes(t *testing.T) {
	erlang, r := startVM(t), random(t)
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

func TestWhatErlangEncodesIsRead(t *testing.T) {
	erlang, r := startVM(t), random(t)
	for range *count {
		want := randomTerm(r, 4)
		for _, msg := range erlang.encodings("encode", want.String()) {
			checkTerm(t, erlang, msg[1:], want.String())
		}
	}
}

func TestUnusualEncodingsAreReadAsErlangReadsThem(t *testing.T) {
	erlang, r := startVM(t), random(t)
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

func TestIOListsHaveTheBytesThatErlangFinds(t *testing.T) {
	erlang, r := startVM(t), random(t)
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

func TestTypesThatAreNotKnownAreRefusedAsErlangEncodesThem(t *testing.T) {
	erlang := startVM(t)
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

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// randomTerm returns a term in one of its encodings, with at most depth levels
// of tuples and lists.
func randomTerm(r *rand.Rand, depth int) term {
	kinds := 5
	if depth == 0 {
		kinds = 3
	}
	switch r.IntN(kinds) {
	case 0:
		return randomInteger(r)
	case 1:
		return randomAtom(r)
	case 2:
		return pick(r, term{tag: nilTag}, randomBytes(r, stringTag), randomBytes(r, binaryTag))
	case 3:
		return term{tag: pick[byte](r, smallTuple, largeTuple), elems: randomTerms(r, depth-1)}
	}
	tail := term{tag: nilTag}
	if r.IntN(8) == 0 {
		tail = randomTerm(r, depth-1)
	}
	return term{tag: list, elems: randomTerms(r, depth-1), tail: &tail}
}

func randomTerms(r *rand.Rand, depth int) []term {
	terms := make([]term, r.IntN(5))
	for i := range terms {
		terms[i] = randomTerm(r, depth)
	}
	return terms
}

func randomBytes(r *rand.Rand, tag byte) term {
	b := make([]byte, r.IntN(1+r.IntN(20)))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return term{tag: tag, text: b}
}

// randomInteger returns an integer of -2^64 < v < 2^64, often near a power of
// two, in one of the encodings that can hold it.
func randomInteger(r *rand.Rand) term {
	v := new(big.Int).Lsh(big.NewInt(1), uint(r.IntN(65)))
	v.Add(v, big.NewInt(int64(r.IntN(5)-2)))
	if r.IntN(2) == 0 {
		v.SetUint64(r.Uint64() >> r.IntN(64))
	}
	if v.BitLen() > 64 {
		v.SetUint64(1<<64 - 1)
	}
	if r.IntN(2) == 0 && v.BitLen() < 64 {
		v.Neg(v)
	}
	t := term{tag: pick[byte](r, smallInteger, integer, smallBig, largeBig), value: v}
	switch {
	case t.tag == smallInteger && v.IsInt64() && v.Int64() >= 0 && v.Int64() < 256:
		return t
	case t.tag == integer && v.IsInt64() && v.Int64() == int64(int32(v.Int64())):
		return t
	case t.tag != largeBig:
		t.tag = smallBig
	}
	t.width = (v.BitLen() + 7) / 8
	if r.IntN(4) == 0 {
		t.width += r.IntN(200)
	}
	if v.Sign() < 0 {
		t.sign = 1
	}
	return t
}

// randomAtom returns an atom of at most 255 characters, some beyond Latin-1.
func randomAtom(r *rand.Rand) term {
	length := r.IntN(pick(r, 2, 10, 100, 256))
	limit := pick(r, 0x7F, 0xFF, 0xFF, 0x200)
	var text []rune
	for range length {
		text = append(text, rune(r.IntN(limit+1)))
	}
	t := term{tag: atomUTF8, text: []byte(string(text))}
	if len(t.text) < 256 && r.IntN(2) == 0 {
		t.tag = smallAtomUTF8
	}
	if limit > 0xFF || r.IntN(2) == 0 {
		return t
	}
	t = term{tag: pick[byte](r, atom, smallAtom)}
	for _, c := range text {
		t.text = append(t.text, byte(c))
	}
	return t
}

// randomIOList returns an iolist or something close to one, sometimes at the
// borders of depth and length.
func randomIOList(r *rand.Rand) term {
	t := randomElements(r, 3)
	for range pick(r, 0, 0, 0, 12+r.IntN(6)) {
		t = term{tag: list, elems: []term{t}, tail: &term{tag: nilTag}}
	}
	return t
}

func randomElements(r *rand.Rand, depth int) term {
	tail := term{tag: nilTag}
	if r.IntN(20) == 0 {
		tail = pick(r, randomBytes(r, binaryTag), randomBytes(r, stringTag),
			term{tag: list, elems: []term{byteTerm(5)}, tail: &term{tag: nilTag}})
	}
	elems := make([]term, r.IntN(5))
	for i := range elems {
		elems[i] = randomElement(r, depth)
	}
	return term{tag: list, elems: elems, tail: &tail}
}

func randomElement(r *rand.Rand, depth int) term {
	switch n := r.IntN(60); {
	case n == 0:
		return randomTerm(r, 1)
	case n < 3:
		return term{tag: pick[byte](r, stringTag, binaryTag), text: make([]byte, 260+r.IntN(50))}
	case n < 20 && depth > 0:
		return randomElements(r, depth-1)
	case n < 30:
		return byteTerm(byte(r.Uint32()))
	case n < 35:
		return term{tag: nilTag}
	}
	return randomBytes(r, pick[byte](r, stringTag, binaryTag))
}

func byteTerm(c byte) term {
	return term{tag: smallInteger, value: big.NewInt(int64(c))}
}
