// SPDX-License-Identifier: ISC

package test

import (
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// One test for each call. Their table is spread over the files call_FAMILY_test.go. For every call
// the test makes the valid calls of its entry. Then, for every argument, it passes every term of
// samples that the argument's kind does not accept. Then come wrong numbers of arguments, malformed
// bodies, and the call while it is filtered.
//
// kept: arity, filter, and the rules for badarg, undef and enotsup.
func TestCall(t *testing.T) {
	all := allCalls()
	for _, name := range append(pt.Names(), pt.Extensions()...) {
		c, listed := all[name]
		if !listed || len(c.args) != pt.Arity(name) {
			t.Errorf("%s/%d has no test of that arity", name, pt.Arity(name))
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.name = name
			c.test(t)
		})
	}
}

// allCalls returns the whole table, by the names of the calls.
func allCalls() map[string]call {
	all := map[string]call{}
	for _, family := range []map[string]call{
		otherSystems, constantCalls, fileCalls, processCalls, execCalls, environmentCalls, identityCalls, limitCalls,
		namespaceCalls, deviceCalls, optionCalls, extensionCalls,
	} {
		maps.Copy(all, family)
	}
	return all
}

// argumentsOf returns those of a call in special, or else its examples.
func argumentsOf(c call, name string, special map[string][]pt.Term) []pt.Term {
	if args, ok := special[name]; ok {
		return args
	}
	var args []pt.Term
	for _, a := range c.args {
		args = append(args, a.example)
	}
	return args
}

// call is what is to be tested of a call.
type call struct {
	name  string
	args  []argument
	valid func(c *caller) // makes valid calls; may be nil for those without any on this system
}

// argument is what one argument is made of.
type argument struct {
	kind    kind
	example pt.Term // accepted
}

// kind says for each sample what becomes of a call with it: the reply, or accepted if the argument
// may be so. Samples that it does not mention are badarg.
type kind map[string]pt.Term

const accepted = pt.Atom("accepted")

// arg makes an argument.
func arg(k kind, example pt.Term) argument { return argument{k, example} }

// sample is a term of some type or range.
type sample struct {
	name string
	term pt.Term
}

// samples are terms of all types, and integers around the bounds of all ranges.
var samples = []sample{
	{"float", pt.Float(1.5)},
	{"old float", pt.Raw("\x63" + "1.50000000000000000000e+00" + strings.Repeat("\x00", 5))},
	{"map", pt.Map{{pt.Atom("a"), 1}}},
	{"empty map", pt.Map{}},
	{"bitstring", pt.Raw("\x4d\x00\x00\x00\x01\x05\xf8")},
	{"pid", pt.Raw("\x58\x77\x01a\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01")},
	{"reference", pt.Raw("\x5a\x00\x01\x77\x01a\x00\x00\x00\x01\x00\x00\x00\x02")},
	{"export", pt.Raw("\x71\x77\x01a\x77\x01b\x61\x00")},
	{"empty tuple", pt.Tuple{}},
	{"tuple", pt.Tuple{1, 2}},
	{"large tuple", pt.LargeTuple{1, 2}},
	{"atom", pt.Atom("no_such_name")},
	{"empty atom", pt.Atom("")},
	{"atom beyond latin1", pt.AtomUTF8("\u20ac")},
	{"atom of 256 characters", pt.AtomUTF8(strings.Repeat("a", 256))},
	{"negative", -1},
	{"least int", -1 << 31},
	{"below int", -1<<31 - 1},
	{"above int", 1 << 31},
	{"above uint", 1 << 32},
	{"above long", uint64(1 << 63)},
	{"above ulong", new(big.Int).Lsh(big.NewInt(1), 64)},
	{"below long", new(big.Int).Neg(new(big.Int).SetUint64(1<<63 + 1))},
	{"small big", pt.SmallBig(0, 3)},
	{"large big", pt.LargeBig(0, 3)},
	{"negative small big", pt.SmallBig(1, 3)},
	{"minus zero", pt.SmallBig(1, 0)},
	{"binary", pt.Binary("x")},
	{"empty binary", pt.Binary("")},
	{"nul binary", pt.Binary("\x00")},
	{"string", pt.String("\x01\x02")},
	{"nil", pt.List{}},
	{"list of atoms", pt.List{pt.Atom("no_such_name")}},
	{"list of integers", pt.List{3, 300}},
	{"list of bytes", pt.List{3, 4}},
	{"list of bigs", pt.List{pt.SmallBig(0, 3)}},
	{"list of binaries", pt.List{pt.Binary("a"), pt.Binary("b")}},
	{"list of floats", pt.List{pt.Float(1)}},
	{"list of tuples", pt.List{pt.Tuple{1, 2}}},
	{"list of lists", pt.List{pt.List{pt.Binary("a")}, pt.List{}}},
	{"improper list of binaries", pt.WithTail(pt.Binary("b"), pt.Binary("a"))},
	{"improper list of bytes", pt.WithTail(4, 3)},
	{"improper list of atoms", pt.WithTail(pt.Atom("b"), pt.Atom("no_such_name"))},
	{"list with a string for its tail", pt.WithTail(pt.String("b"), pt.Binary("a"))},
	{"binary nested 17 deep", pt.Nested(17, pt.Binary("a"))},
	{"byte nested 17 deep", pt.Nested(17, 97)},
	{"binary nested 18 deep", pt.Nested(18, pt.Binary("a"))},
	{"binary nested 16 deep", pt.Nested(16, pt.Binary("a"))},
	{"nil nested 16 deep", pt.Nested(16, pt.List{})},
	{"binary of 4096 bytes", pt.Binary(strings.Repeat("a", 4096))},
	{"binary of 65400 bytes", pt.Binary(strings.Repeat("a", 65400))},
}

// kinds of arguments
var (
	anyTerm = func() kind {
		k := kind{}
		for _, s := range samples {
			k[s.name] = undef
		}
		return k
	}()
	smallIntegers = kind{"negative": accepted, "least int": accepted}
	anyBigs       = kind{"small big": accepted, "large big": accepted, "negative small big": accepted, "minus zero": accepted}
	intKind       = merge(smallIntegers, anyBigs)
	uintKind      = kind{"above int": accepted, "small big": accepted, "large big": accepted}
	longKind      = merge(intKind, kind{"below int": accepted, "above int": accepted, "above uint": accepted})
	ulongKind     = merge(uintKind, kind{"above uint": accepted, "above long": accepted})
	atomKind      = kind{"atom": accepted, "empty atom": accepted}
	binaryKind    = kind{"binary": accepted, "empty binary": accepted, "nul binary": accepted,
		"binary of 4096 bytes": accepted, "binary of 65400 bytes": accepted}
	iolistKind = merge(binaryKind, kind{"string": accepted, "nil": accepted, "list of bytes": accepted,
		"list of binaries": accepted, "list of lists": accepted, "binary nested 16 deep": accepted,
		"nil nested 16 deep": accepted})
	nonEmptyKind = without(iolistKind, "empty binary", "nil", "nil nested 16 deep")
	nameKind     = without(iolistKind, "binary of 4096 bytes", "binary of 65400 bytes") // may be empty, C = 4095
	pathKind     = without(nonEmptyKind, "binary of 4096 bytes", "binary of 65400 bytes")
	unknownName  = kind{"atom": errno("enotsup"), "empty atom": errno("enotsup")}
	oneOf        = merge(smallIntegers, unknownName)
	oneOf64      = merge(oneOf, kind{"small big": accepted, "negative small big": accepted, "minus zero": accepted,
		"below int": accepted, "above int": accepted, "above uint": accepted})
	// A list of names; where no negative result is let through, see positiveFlags.
	flags = merge(smallIntegers, kind{"nil": accepted, "string": accepted, "list of bytes": accepted,
		"list of integers": accepted, "list of atoms": errno("enotsup"), "improper list of atoms": errno("enotsup")})
	positiveFlags = without(flags, "negative", "least int")
	cstruct       = kind{"list of binaries": accepted, "improper list of binaries": accepted,
		"list with a string for its tail": accepted}
	argvKind = kind{"nil": accepted, "list of binaries": accepted, "list of lists": accepted,
		"binary nested 16 deep": accepted, "nil nested 16 deep": accepted, "binary nested 17 deep": accepted, "byte nested 17 deep": accepted}
)

func merge(kinds ...kind) kind {
	all := kind{}
	for _, k := range kinds {
		for name, reply := range k {
			all[name] = reply
		}
	}
	return all
}

func without(k kind, names ...string) kind {
	left := merge(k)
	for _, n := range names {
		if left[n] == nil {
			panic(n)
		}
		delete(left, n)
	}
	return left
}

// caller makes valid calls in a child, a fresh one for each call under test.
type caller struct {
	*pt.Port
	t    *testing.T
	name string
	to   pt.Pipeline
}

// want makes the call under test and compares its reply byte for byte.
func (c *caller) want(reply pt.Term, args ...pt.Term) {
	c.t.Helper()
	c.Want(reply, c.to, c.name, args...)
}

// also makes another call in the same process.
func (c *caller) also(reply pt.Term, name string, args ...pt.Term) {
	c.t.Helper()
	c.Want(reply, c.to, name, args...)
}

// in runs valid calls in another process.
func (c *caller) in(to pt.Pipeline) *caller {
	d := *c
	d.to = to
	return &d
}

// fork does what in does, for a new child of the process.
func (c *caller) fork() *caller {
	c.t.Helper()
	return c.in(c.Fork(c.to))
}

// need skips the test where a capability is missing.
func (c *caller) need(name string, number uint) {
	c.t.Helper()
	pt.Need(c.t, name, number)
}

// with runs what needs a capability as a test of its own, which is skipped where it is missing.
func (c *caller) with(name string, number uint, do func(c *caller)) {
	c.t.Run("with "+name, func(t *testing.T) {
		d := *c
		d.Port, d.t = c.With(t), t
		d.need(name, number)
		do(&d)
	})
}

// asAnother runs do in a child that has become another user, with nothing that root may do.
func (c *caller) asAnother(do func(c *caller)) {
	c.with("CAP_SETUID", 7, func(c *caller) {
		b := c.fork()
		b.also(ok, "setuid", 54321)
		do(b)
	})
}

func (c call) test(t *testing.T) {
	p := pt.Start(t, pt.Shell("umask 022; ulimit -S -n 1024"))
	if isExtension(c.name) {
		p.Want(true, nil, "setopt", pt.Atom("extensions"), 1)
	}
	a := p.Fork(nil)
	t.Run("wrong types", func(t *testing.T) { c.testTypes(t, p.With(t), a) })
	t.Run("wrong bodies", func(t *testing.T) { c.testBodies(t, p.With(t), a) })
	t.Run("filtered", func(t *testing.T) { c.testFiltered(t, p.With(t), p.Fork(nil)) })
	if c.valid != nil {
		t.Run("valid", func(t *testing.T) {
			c.valid(&caller{p.With(t), t, c.name, a})
		})
	}
}

// examples returns the valid arguments.
func (c call) examples() []pt.Term {
	var args []pt.Term
	for _, a := range c.args {
		args = append(args, a.example)
	}
	return args
}

// testTypes: the first argument that is not acceptable decides; those behind it are not looked at.
func (c call) testTypes(t *testing.T, p *pt.Port, to pt.Pipeline) {
	for i, a := range c.args {
		for _, s := range samples {
			want, listed := a.kind[s.name]
			if want == accepted {
				continue
			}
			if !listed {
				want = badarg
			}
			args := c.examples()
			args[i] = s.term
			p.Want(want, to, c.name, args...)
			for j := i + 1; j < len(args); j++ {
				args[j] = pt.Float(0)
			}
			if p.Want(want, to, c.name, args...); t.Failed() {
				t.Fatalf("argument %d: %s", i+1, s.name)
			}
		}
	}
}

func (c call) testBodies(t *testing.T, p *pt.Port, to pt.Pipeline) {
	args := c.examples()
	p.Want(badarg, to, c.name, append(slices.Clone(args), 0)...)
	p.Want(badarg, to, c.name, append(slices.Clone(args), 0, 0, 0)...)
	for n := range args {
		p.Want(badarg, to, c.name, args[:n]...)
	}
	whole := pt.EncodeCall(args...)
	for _, b := range []struct {
		name string
		body []byte
	}{
		{"other version", append([]byte{130}, whole[1:]...)},
		{"no version", whole[1:]},
		{"list of arguments", pt.Encode(pt.List(args))},
		{"string", pt.Encode(pt.String("\x01"))},
		{"atom", pt.Encode(pt.Atom("ok"))},
		{"one byte", []byte{131}},
		{"list for no arguments", pt.Encode(pt.List{})},
		{"negative arity", append([]byte{131, 105}, 0xff, 0xff, 0xff, 0xff)},
		{"arity beyond the end", []byte{131, 105, 0, 0, 0, 200}},
	} {
		p.Write(pt.RawCallFrame(to, pt.Number(c.name), b.body))
		if diff := pt.Diff(badarg, p.Reply(to, b.name)); diff != "" {
			t.Errorf("%s: %s", b.name, diff)
		}
	}
}

// testFiltered: a call that is filtered is undef, whatever its body is.
func (c call) testFiltered(t *testing.T, p *pt.Port, to pt.Pipeline) {
	p.Want(ok, to, "filter", filterOf(c.name), pt.Binary(""))
	p.Want(undef, to, c.name, c.examples()...)
	p.Want(undef, to, c.name)
	p.Want(undef, to, c.name, 1, 2, 3, 4, 5, 6, 7)
	p.Write(pt.RawCallFrame(to, pt.Number(c.name), []byte("x")))
	if diff := pt.Diff(undef, p.Reply(to, "garbage")); diff != "" {
		t.Error(diff)
	}
	other := "version"
	if c.name == other {
		other = "getpid"
	}
	if reply := p.Call(to, other); reply == undef {
		t.Errorf("%s is filtered as well", other)
	}
}

// filterOf returns the filter argument that blocks the calls of these names.
func filterOf(names ...string) pt.Term {
	bits := make([]byte, 13)
	for _, n := range names {
		if isExtension(n) {
			bits = append(bits, make([]byte, 16-len(bits))...)
		}
		bits[pt.Number(n)/8] |= 1 << (pt.Number(n) % 8)
	}
	return pt.Binary(bits)
}

func isExtension(name string) bool { return slices.Contains(pt.Extensions(), name) }

// kept: call numbers 0..99.
func TestCallNumbersFrom100OnAreBadarg(t *testing.T) {
	p := pt.Start(t)
	p.Want(ok, nil, "filter", pt.Binary("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0\xff\xff\xff"), pt.Binary(""))
	for _, number := range []int{100, 101, 120, 128, 255, 256, 65535} {
		p.Write(pt.RawCallFrame(nil, number, pt.EncodeCall()))
		p.Next(pt.Reply(nil, badarg))
	}
}

// Two bytes after the body may be consumed as zeros, as if every body had them.
func TestBodiesMayRunIntoTwoZeroBytes(t *testing.T) {
	p := pt.Start(t)
	for _, c := range []struct {
		name, body string
		want       pt.Term
	}{
		{"getpid", "\x83\x68", p.Pid},
		{"getpid", "\x83\x68\x00", p.Pid},
		{"getpid", "\x83\x69\x00\x00\x00\x00", p.Pid},
		{"getpid", "\x83\x69\x00\x00", p.Pid},
		{"getpid", "\x83\x69\x00", badarg},
		{"errno_id", "\x83\x68\x01\x61", pt.Atom("unknown")},
		{"errno_id", "\x83\x68\x01\x62\x00\x00", pt.Atom("unknown")},
		{"errno_id", "\x83\x68\x01\x62\x00", badarg},
		{"errno_id", "\x83\x68\x01\x6e\x02\x00\x01", pt.Atom("eperm")},
		{"errno_id", "\x83\x68\x01", badarg},
		{"chdir", "\x83\x68\x01\x6d\x00\x00\x00\x06/tmp", ok},
		{"chdir", "\x83\x68\x01\x6d\x00\x00\x00\x07/tmp", badarg},
		{"chdir", "\x83\x68\x01\x6b\x00\x06/tmp", ok},
		{"iolist_to_bin", "\x83\x68\x01\x6d\x00\x00\x00\x03a", pt.Binary("a\x00\x00")},
	} {
		p.Write(pt.RawCallFrame(nil, pt.Number(c.name), []byte(c.body)))
		if diff := pt.Diff(c.want, p.Reply(nil, c.name)); diff != "" {
			t.Errorf("%s % x: %s", c.name, c.body, diff)
		}
		// What follows such a frame is the next one, not its last bytes.
		p.Write(append(pt.RawCallFrame(nil, pt.Number(c.name), []byte(c.body)), pt.CallFrame(nil, "version")...))
		p.Next(pt.Reply(nil, c.want), pt.Reply(nil, pt.Binary("1.0.1")))
	}
}

func TestBytesBehindTheArgumentsAreIgnored(t *testing.T) {
	p := pt.Start(t)
	p.Write(pt.RawCallFrame(nil, pt.Number("errno_id"), append(pt.EncodeCall(2), "anything"...)))
	p.Next(pt.Reply(nil, pt.Atom("enoent")))
	p.Write(pt.RawCallFrame(nil, pt.Number("errno_id"), pt.Encode(pt.LargeTuple{2})))
	p.Next(pt.Reply(nil, pt.Atom("enoent")))
}

// Integers come in any encoding, with the same value.
func TestIntegersAreReadFromEveryEncoding(t *testing.T) {
	p := pt.Start(t)
	for _, two := range []pt.Term{2, pt.Integer(2), pt.SmallBig(0, 2), pt.SmallBig(0, 2, 0, 0, 0), pt.SmallBig(0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0),
		pt.LargeBig(0, 2), pt.LargeBig(0, 2, 0, 0, 0, 0, 0, 0, 0, 0)} {
		p.Want(pt.Atom("enoent"), nil, "errno_id", two)
	}
	for _, c := range []struct {
		term pt.Term
		want pt.Term
	}{
		{pt.SmallBig(1, 2), pt.Atom("unknown")},
		{pt.SmallBig(0), pt.Atom("unknown")},
		{pt.SmallBig(1), pt.Atom("unknown")},
		{pt.SmallBig(7, 0), pt.Atom("unknown")},
		{pt.SmallBig(0, 2, 0, 0, 0, 1), badarg},
		{pt.SmallBig(0, 2, 0, 0, 0, 0, 0, 0, 0, 1), badarg},
		{pt.SmallBig(1, 0, 0, 0, 128), pt.Atom("unknown")},
		{pt.SmallBig(1, 1, 0, 0, 128), badarg},
		{pt.SmallBig(0, 0, 0, 0, 128), badarg},
	} {
		p.Want(c.want, nil, "errno_id", c.term)
	}
	// Unsigned readers take no sign, not even that of zero.
	p.Want(badarg, nil, "mkdir", pt.Binary("/no/such/folder"), pt.SmallBig(1, 0))
	p.Want(errno("enoent"), nil, "mkdir", pt.Binary("/no/such/folder"), pt.SmallBig(0, 255, 255, 255, 255))
}

// Atoms come with four tags, and are compared up to a NUL.
func TestAtomsAreReadFromEveryEncoding(t *testing.T) {
	p := pt.Start(t)
	for _, a := range []pt.Term{pt.Atom("termsig"), pt.AtomExt("termsig"), pt.SmallAtom("termsig"), pt.AtomUTF8("termsig"),
		pt.Atom("termsig\x00x"), pt.AtomExt("termsig\x00")} {
		p.Want(1, nil, "getopt", a)
	}
	p.Want(false, nil, "getopt", pt.Atom("TERMSIG"))
	p.Want(badarg, nil, "getopt", pt.AtomUTF8("\u0100"))
	p.Want(badarg, nil, "getopt", pt.Atom("\xff"))
	p.Want(badarg, nil, "getopt", pt.AtomExt(strings.Repeat("a", 256)))
	p.Want(false, nil, "getopt", pt.AtomUTF8(strings.Repeat("é", 255)))
	p.Want(badarg, nil, "getopt", pt.AtomUTF8(strings.Repeat("é", 256)))
	p.Want(false, nil, "getopt", pt.AtomExt(strings.Repeat("a", 255)))
	p.Want(false, nil, "getopt", pt.SmallAtom("\xe9"))
}

// kept: 16 levels of iolist.
func TestIolistsAreFlattenedByTheRules(t *testing.T) {
	p := pt.Start(t)
	for _, c := range []struct{ list, want pt.Term }{
		{pt.Binary("abc"), pt.Binary("abc")},
		{pt.String("abc"), pt.Binary("abc")},
		{pt.List{}, pt.Binary("")},
		{pt.List{97, pt.Binary("b"), pt.String("cd"), pt.List{101, pt.List{}, pt.Binary("")}}, pt.Binary("abcde")},
		{pt.List{0, 255}, pt.Binary("\x00\xff")},
		{pt.List{pt.Integer(97)}, badarg},
		{pt.List{pt.SmallBig(0, 97)}, badarg},
		{pt.List{256}, badarg},
		{pt.List{-1}, badarg},
		{pt.Nested(16, pt.Binary("a")), pt.Binary("a")},
		{pt.Nested(16, 97), pt.Binary("a")},
		{pt.Nested(16, pt.String("a")), pt.Binary("a")},
		{pt.Nested(16, pt.List{}), pt.Binary("")},
		{pt.Nested(17, pt.List{}), badarg},
		{pt.Nested(15, pt.List{pt.List{}, pt.List{pt.List{}}}), badarg},
		{pt.Nested(14, pt.List{pt.List{}, pt.List{pt.List{}}}), pt.Binary("")},
		{pt.Nested(17, pt.String("a")), badarg},
		{pt.WithTail(pt.List{}, pt.Binary("a")), pt.Binary("a")},
		{pt.Raw("\x6c\x00\x00\x00\x00\x6a"), pt.Binary("")},
		{pt.WithTail(pt.List{98}, 97), badarg},
		{pt.WithTail(pt.String("b"), 97), badarg},
		{pt.WithTail(pt.Binary(""), 97), badarg},
		{pt.WithTail(pt.String(""), 97), badarg},
		{pt.Raw("\x6c\x00\x00\x00\x02\x61\x61"), badarg},
	} {
		p.Want(c.want, nil, "iolist_to_bin", c.list)
	}
}

func TestPathsHaveTheirCapacity(t *testing.T) {
	p := pt.Start(t)
	long := func(n int) string { return "/" + strings.Repeat("a", n-1) }
	tooLong := errno("enametoolong")
	for _, c := range []struct {
		path, want pt.Term
	}{
		{pt.Binary(long(4095)), tooLong},
		{pt.Binary(long(4096)), badarg},
		{pt.String(long(4094)), tooLong},
		{pt.String(long(4095)), badarg},
		{pt.List{pt.Binary(long(4095))}, tooLong},
		{pt.List{pt.Binary(long(4095)), pt.Binary("")}, badarg},
		{pt.List{pt.Binary(long(4095)), pt.List{}}, badarg},
		{pt.List{pt.Binary(long(4094)), 97}, tooLong},
		{pt.List{pt.Binary(long(4094)), 97, pt.Binary("")}, badarg},
		{pt.List{pt.Binary(long(4094)), pt.List{}}, tooLong},
		{pt.List{pt.Binary(long(4094)), pt.String("a")}, badarg},
		{pt.List{pt.Binary(long(4093)), pt.String("a")}, tooLong},
		{pt.Binary(""), badarg},
		{pt.List{pt.List{}, pt.Binary("")}, badarg},
		{pt.Binary("\x00"), errno("enoent")},
		{pt.Binary("/\x00\x00"), ok},
		{pt.List{pt.Binary("/"), 0}, ok},
		{pt.Binary("/\x00/no/such"), badarg},
		{pt.List{pt.Binary("/"), 0, pt.String("x")}, badarg},
	} {
		p.Want(c.want, nil, "chdir", c.path)
	}
}

// among reports whether a term is one of some. No terms stand for any term.
func among(all []pt.Term, one pt.Term) bool {
	for _, t := range all {
		if cmp.Equal(t, one) {
			return true
		}
	}
	return len(all) == 0
}
