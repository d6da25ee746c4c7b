package calls

import (
	"os"
	"slices"
	"strings"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

// extended is an asker that answers the calls which the C port does not have.
func extended(env ...string) *asker {
	a := newAsker(env...)
	a.p.Options.Extensions = true
	return a
}

// of is a call in a batch.
func of(nr int, args ...Term) Term { return Tuple{nr, append(Tuple{}, args...)} }

func failedAt(index int, replies ...Term) Term { return Tuple{Atom("error"), index, List(replies)} }

func TestABatchEndsWithTheFirstCallThatFails(t *testing.T) {
	version := of(nrVersion)
	missing := Binary("/no/such/folder")
	for _, test := range []struct {
		name  string
		calls List
		want  Term
	}{
		{"no calls", List{}, Tuple{done, List{}}},
		{"one", List{version}, Tuple{done, List{Binary("1.0.1")}}},
		{"two", List{version, of(nrGetpid)}, Tuple{done, List{Binary("1.0.1"), os.Getpid()}}},
		{"each sees what those before it did", List{of(nrSetenv, Binary("A"), Binary("1"), 1), of(nrGetenv, Binary("A"))},
			Tuple{done, List{done, Binary("1")}}},
		{"an error", List{version, of(nrChdir, missing), version}, failedAt(2, Binary("1.0.1"), errorTuple("enoent"))},
		{"the first fails", List{of(nrChdir, missing), version}, failedAt(1, errorTuple("enoent"))},
		{"the last fails", List{version, of(nrChdir, missing)}, failedAt(2, Binary("1.0.1"), errorTuple("enoent"))},
		{"an argument is wrong", List{of(nrChdir, 1), version}, failedAt(1, badarg)},
		{"an argument is missing", List{of(nrChdir), version}, failedAt(1, badarg)},
		{"the arguments are a list", List{Tuple{nrVersion, List{}}, version}, failedAt(1, badarg)},
		{"a name is unknown", List{of(nrKill, 0, Atom("sigzip"))}, failedAt(1, errorTuple("enotsup"))},
		{"there is no such number", List{of(callCount), version}, failedAt(1, badarg)},
		{"a call of another system", List{of(nrJail, 1), version}, failedAt(1, undef)},
		{"an option that cannot be set", List{of(nrSetopt, Atom("zip"), 1), version}, failedAt(1, Atom("false"))},
		{"an option of a child that cannot be set", List{of(nrSetcpid, 1, Atom("zip"), 1), version}, failedAt(1, Atom("false"))},
		{"false that is a value", List{of(nrGetenv, Binary("B")), of(nrGetopt, Atom("zip"))},
			Tuple{done, List{Atom("false"), Atom("false")}}},
		{"an exec that fails", List{version, of(nrExecve, missing, List{}, List{})}, failedAt(2, Binary("1.0.1"), errorTuple("enoent"))},
		{"extensions go away", List{of(nrSetopt, Atom("extensions"), 0), of(nrGetdents, -1)},
			failedAt(2, Atom("true"), undef)},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := extended()
			want(t, a.ask(nrBatch, test.calls), test.want)
			if a.Calls.reply != &a.reply {
				t.Error("the next call would reply elsewhere")
			}
		})
	}
}

func TestAListThatIsNoBatchIsRefusedBeforeAnythingIsDone(t *testing.T) {
	touch := of(nrSetenv, Binary("A"), Binary("1"), 1)
	exec := of(nrExecve, Binary("/no/such/file"), List{}, List{})
	for _, test := range []struct {
		name  string
		calls Term
	}{
		{"no list", 1},
		{"a string", String("ab")},
		{"an improper list", improper(1, touch)},
		{"an element is no pair", List{touch, Tuple{nrVersion}}},
		{"an element is a triple", List{touch, Tuple{nrVersion, Tuple{}, Tuple{}}}},
		{"a number is an atom", List{touch, Tuple{Atom("version"), Tuple{}}}},
		{"a number is negative", List{touch, Tuple{-1, Tuple{}}}},
		{"arguments of an unknown type", List{touch, Tuple{nrChdir, Tuple{Float(1)}}}},
		{"a batch in a batch", List{touch, of(nrBatch, List{})}},
		{"an exec is not the last", List{touch, exec, touch}},
		{"the end is not the last", List{touch, of(nrExit, 0), touch}},
		{"too many", List(slices.Repeat([]Term{touch}, maxBatch+1))},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := extended()
			want(t, a.ask(nrBatch, test.calls), badarg)
			want(t, a.ask(nrGetenv, Binary("A")), Atom("false"))
		})
	}
	a := extended()
	all := slices.Repeat([]Term{touch}, maxBatch)
	want(t, a.ask(nrBatch, List(all)), Tuple{done, List(slices.Repeat([]Term{done}, maxBatch))})
}

func TestWhatAFilterBlocksIsBlockedInABatch(t *testing.T) {
	a := extended()
	blocked := make([]byte, 16)
	blocked[nrVersion/8] |= 1 << (nrVersion % 8)
	want(t, a.ask(nrBatch, List{of(nrVersion), of(nrFilter, Binary(blocked), Binary("")), of(nrVersion), of(nrGetpid)}),
		failedAt(3, Binary("1.0.1"), done, undef))
}

// The replies together are as large as one may be.
func TestABatchEndsWithTheReplyThatDoesNotFit(t *testing.T) {
	a := extended("A=" + strings.Repeat("x", 65000))
	limit := a.p.ReplyLimit() - batchFrame - errorRoom
	env := of(nrGetenv, Binary("A"))
	size := 65000 + 5
	rest := limit - size - 1 - 5 // for a binary behind it
	fits := Binary(Bytes(rest))
	long := Binary(strings.Repeat("x", 65000))
	want(t, a.ask(nrBatch, List{env, of(nrIolistToBin, fits)}), Tuple{done, List{long, fits}})
	want(t, a.ask(nrBatch, List{env, of(nrIolistToBin, fits+"y"), env}), failedAt(2, long, badarg))
	want(t, a.ask(nrBatch, List{env, env}), failedAt(2, long, badarg))
	want(t, a.ask(nrBatch, List{env, of(nrEnviron)}), failedAt(2, long, errorTuple("emsgsize")))
	want(t, a.ask(nrBatch, List{env, of(nrIolistToBin, fits), of(nrGetpid)}), failedAt(3, long, fits, errorTuple("emsgsize")))
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	// A read is cut to what fits, as a read alone.
	want(t, a.ask(nrBatch, List{env, of(nrRead, int(zero.Fd()), 65535)}), Tuple{done, List{long, Tuple{done, Binary(make([]byte, rest-6))}}})
}
