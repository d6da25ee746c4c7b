//go:build linux

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

var extensionCalls = map[string]call{
	"syscall":  {args: []argument{arg(anyTerm, 0), arg(anyTerm, Tuple{})}},
	"batch":    {args: []argument{arg(anyTerm, List{})}},
	"getdents": {args: []argument{arg(intKind, -1)}, valid: validGetdents},
}

// extend has the process, and those that it forks from now on, answer the calls that the C port does not have.
func extend(p *Port, to Pipeline) { p.Want(true, to, "setopt", Atom("extensions"), 1) }

// A client that knows the hundred calls sees none but an option that it does not know.
func TestExtensionsAreUndefUntilSomebodyAsksForThem(t *testing.T) {
	p := Start(t)
	for _, name := range Extensions() {
		p.Want(undef, nil, name)
		p.Write(RawCallFrame(nil, Number(name), []byte("x")))
		p.Next(Reply(nil, undef))
	}
}

func TestExtensionsAreInheritedAndTakenAwayForGood(t *testing.T) {
	p := Start(t)
	there := p.Int(nil, "getopt", Atom("extensions"))
	before := p.Fork(nil)
	extend(p, nil)
	after := p.Fork(nil)
	p.Want(undef, before, "getdents", -1)
	p.Want(errno("ebadf"), after, "getdents", -1)
	p.Want(true, after, "setopt", Atom("extensions"), 0)
	p.Want(undef, after, "getdents", -1)
	below := p.Fork(after)
	for _, to := range []Pipeline{after, below} {
		p.Want(0, to, "getopt", Atom("extensions"))
		p.Want(false, to, "setopt", Atom("extensions"), 1)
		p.Want(undef, to, "getdents", -1)
	}
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(there, nil, "getopt", Atom("extensions"))
}

// A map of calls without bits for the extensions was made by somebody who does not know them.
func TestShortFilterOfProcessesForkedLaterBlocksExtensions(t *testing.T) {
	p := Start(t)
	extend(p, nil)
	p.Want(ok, nil, "filter", Binary(""), Binary("\x00"))
	p.Want(errno("ebadf"), nil, "getdents", -1)
	p.Want(undef, p.Fork(nil), "getdents", -1)
}

func validGetdents(c *caller) {
	dir := c.t.TempDir()
	var want []string
	for i := range 1000 {
		name := fmt.Sprintf("%0200d", i)
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			c.t.Fatal(err)
		}
		want = append(want, name)
	}
	c.also(errno("emsgsize"), "readdir", Binary(dir))
	fd := c.Int(c.to, "open", Binary(dir), List{Atom("o_rdonly"), Atom("o_directory"), Atom("o_cloexec")}, 0)
	var got []string
	for {
		names, more := c.OK(c.to, c.name, fd).(Chained)
		if !more {
			break
		}
		for _, n := range names {
			if n != Binary(".") && n != Binary("..") {
				got = append(got, string(n.(Binary)))
			}
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		c.t.Errorf("names (-want +got):\n%s", diff)
	}
	c.want(errno("enotdir"), 0)
	c.also(ok, "close", fd)
	c.want(errno("ebadf"), fd)
}
