// SPDX-License-Identifier: ISC

package calls

import (
	"os"
	"slices"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// extended returns an asker that answers the calls which the C port does not have.
func extended(env ...string) *asker {
	a := newAsker(env...)
	a.p.Options.Extensions = true
	return a
}

// of returns a call in a batch.
func of(nr int, args ...pt.Term) pt.Term { return pt.Tuple{nr, append(pt.Tuple{}, args...)} }

func failedAt(index int, replies ...pt.Term) pt.Term {
	return pt.Tuple{pt.Atom("error"), index, pt.List(replies)}
}

func TestABatchEndsWithTheFirstCallThatFails(t *testing.T) {
	version := of(nrVersion)
	missing := pt.Binary("/no/such/folder")
	for _, test := range []struct {
		name  string
		calls pt.List
		want  pt.Term
	}{
		{"no calls", pt.List{}, pt.Tuple{done, pt.List{}}},
		{"one", pt.List{version}, pt.Tuple{done, pt.List{pt.Binary("1.0.1")}}},
		{"two", pt.List{version, of(nrGetpid)}, pt.Tuple{done, pt.List{pt.Binary("1.0.1"), os.Getpid()}}},
		{"each sees what those before it did", pt.List{of(nrSetenv, pt.Binary("A"), pt.Binary("1"), 1), of(nrGetenv, pt.Binary("A"))},
			pt.Tuple{done, pt.List{done, pt.Binary("1")}}},
		{"an error", pt.List{version, of(nrChdir, missing), version}, failedAt(2, pt.Binary("1.0.1"), errorTuple("enoent"))},
		{"the first fails", pt.List{of(nrChdir, missing), version}, failedAt(1, errorTuple("enoent"))},
		{"the last fails", pt.List{version, of(nrChdir, missing)}, failedAt(2, pt.Binary("1.0.1"), errorTuple("enoent"))},
		{"an argument is wrong", pt.List{of(nrChdir, 1), version}, failedAt(1, badarg)},
		{"an argument is missing", pt.List{of(nrChdir), version}, failedAt(1, badarg)},
		{"the arguments are a list", pt.List{pt.Tuple{nrVersion, pt.List{}}, version}, failedAt(1, badarg)},
		{"a name is unknown", pt.List{of(nrKill, 0, pt.Atom("sigzip"))}, failedAt(1, errorTuple("enotsup"))},
		{"there is no such number", pt.List{of(callCount), version}, failedAt(1, badarg)},
		{"a call of another system", pt.List{of(nrJail, 1), version}, failedAt(1, undef)},
		{"an option that cannot be set", pt.List{of(nrSetopt, pt.Atom("zip"), 1), version}, failedAt(1, pt.Atom("false"))},
		{"an option of a child that cannot be set", pt.List{of(nrSetcpid, 1, pt.Atom("zip"), 1), version}, failedAt(1, pt.Atom("false"))},
		{"false that is a value", pt.List{of(nrGetenv, pt.Binary("B")), of(nrGetopt, pt.Atom("zip"))},
			pt.Tuple{done, pt.List{pt.Atom("false"), pt.Atom("false")}}},
		{"an exec that fails", pt.List{version, of(nrExecve, missing, pt.List{}, pt.List{})}, failedAt(2, pt.Binary("1.0.1"), errorTuple("enoent"))},
		{"extensions go away", pt.List{of(nrSetopt, pt.Atom("extensions"), 0), of(nrGetdents, -1)},
			failedAt(2, pt.Atom("true"), undef)},
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
	touch := of(nrSetenv, pt.Binary("A"), pt.Binary("1"), 1)
	exec := of(nrExecve, pt.Binary("/no/such/file"), pt.List{}, pt.List{})
	for _, test := range []struct {
		name  string
		calls pt.Term
	}{
		{"no list", 1},
		{"a string", pt.String("ab")},
		{"an improper list", improper(1, touch)},
		{"an element is no pair", pt.List{touch, pt.Tuple{nrVersion}}},
		{"an element is a triple", pt.List{touch, pt.Tuple{nrVersion, pt.Tuple{}, pt.Tuple{}}}},
		{"a number is an atom", pt.List{touch, pt.Tuple{pt.Atom("version"), pt.Tuple{}}}},
		{"a number is negative", pt.List{touch, pt.Tuple{-1, pt.Tuple{}}}},
		{"arguments of an unknown type", pt.List{touch, pt.Tuple{nrChdir, pt.Tuple{pt.Float(1)}}}},
		{"a batch in a batch", pt.List{touch, of(nrBatch, pt.List{})}},
		{"a batch alone", pt.List{of(nrBatch, pt.List{touch})}},
		{"a batch for a child is not the last", pt.List{touch, of(nrFork), of(nrBatch, pt.List{touch}), touch}},
		{"a batch after that for a child", pt.List{of(nrFork), of(nrBatch, pt.List{touch}), of(nrBatch, pt.List{touch})}},
		{"an exec is not the last", pt.List{touch, exec, touch}},
		{"the end is not the last", pt.List{touch, of(nrExit, 0), touch}},
		{"too many", pt.List(slices.Repeat([]pt.Term{touch}, maxBatch+1))},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := extended()
			want(t, a.ask(nrBatch, test.calls), badarg)
			want(t, a.ask(nrGetenv, pt.Binary("A")), pt.Atom("false"))
		})
	}
	a := extended()
	all := slices.Repeat([]pt.Term{touch}, maxBatch)
	want(t, a.ask(nrBatch, pt.List(all)), pt.Tuple{done, pt.List(slices.Repeat([]pt.Term{done}, maxBatch))})
}

func TestWhatAFilterBlocksIsBlockedInABatch(t *testing.T) {
	a := extended()
	blocked := make([]byte, 16)
	blocked[nrVersion/8] |= 1 << (nrVersion % 8)
	want(t, a.ask(nrBatch, pt.List{of(nrVersion), of(nrFilter, pt.Binary(blocked), pt.Binary("")), of(nrVersion), of(nrGetpid)}),
		failedAt(3, pt.Binary("1.0.1"), done, undef))
}

// The replies together are as large as one may be.
func TestABatchEndsWithTheReplyThatDoesNotFit(t *testing.T) {
	a := extended("A=" + strings.Repeat("x", 65000))
	limit := a.p.ReplyLimit() - batchFrame - errorRoom
	env := of(nrGetenv, pt.Binary("A"))
	size := 65000 + 5
	rest := limit - size - 1 - 5 // for a binary behind it
	fits := pt.Binary(pt.Bytes(rest))
	long := pt.Binary(strings.Repeat("x", 65000))
	want(t, a.ask(nrBatch, pt.List{env, of(nrIolistToBin, fits)}), pt.Tuple{done, pt.List{long, fits}})
	want(t, a.ask(nrBatch, pt.List{env, of(nrIolistToBin, fits+"y"), env}), failedAt(2, long, badarg))
	want(t, a.ask(nrBatch, pt.List{env, env}), failedAt(2, long, badarg))
	want(t, a.ask(nrBatch, pt.List{env, of(nrEnviron)}), failedAt(2, long, errorTuple("emsgsize")))
	want(t, a.ask(nrBatch, pt.List{env, of(nrIolistToBin, fits), of(nrGetpid)}), failedAt(3, long, fits, errorTuple("emsgsize")))
	zero, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer zero.Close()
	// A read is cut to what fits, as a read alone.
	want(t, a.ask(nrBatch, pt.List{env, of(nrRead, int(zero.Fd()), 65535)}), pt.Tuple{done, pt.List{long, pt.Tuple{done, pt.Binary(make([]byte, rest-6))}}})
}
