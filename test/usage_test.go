// SPDX-License-Identifier: ISC

package test

import (
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// used waits for what a child has used, which must come right before the event of its end.
func used(p *pt.Port, of pt.Pipeline) pt.Tuple {
	p.T().Helper()
	m := p.Receive("usage", func(m pt.Message) bool {
		t, _ := m.Term().(pt.Tuple)
		return m.Is(pt.TypeCtl, of) && len(t) == 12 || m.Is(pt.TypeEvent, of)
	})
	t, _ := m.Term().(pt.Tuple)
	if !m.Is(pt.TypeCtl, of) || t[0] != pt.Atom("usage") {
		p.T().Fatalf("the end came first: %v", m)
	}
	return t
}

func TestWhatAChildHasUsedIsToldBeforeItsEnd(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("usage"), 1)
	for _, test := range []struct {
		script string
		signal int
		end    func(pt.Pipeline) pt.Message
	}{
		{"exit 3", 0, func(l pt.Pipeline) pt.Message { return pt.ExitStatus(l, 3) }},
		{"ulimit -c 0; kill -9 $$", 9, func(l pt.Pipeline) pt.Message { return pt.TermSig(l, "sigkill") }},
		{"ulimit -c 0; kill -SEGV $$", 11, func(l pt.Pipeline) pt.Message { return pt.TermSig(l, "sigsegv") }},
		{"kill -40 $$", 40, func(l pt.Pipeline) pt.Message { return pt.TermSig(l, "unknown") }},
	} {
		t.Run(test.script, func(t *testing.T) {
			p := p.With(t)
			a := p.Fork(nil)
			p.Sh(a, test.script)
			u := used(p, a)
			if u[1] != test.signal || u[2] != pt.Atom("false") {
				t.Errorf("signal %v, core %v", u[1], u[2])
			}
			for i, n := range u[3:] {
				if n, ok := n.(int); !ok || n < 0 {
					t.Errorf("number %d is %v", i, pt.Format(u[3+i]))
				}
			}
			if u[5].(int) < 100 || u[6].(int) < 10 {
				t.Errorf("%v KiB of memory, %v faults", u[5], u[6])
			}
			p.Await(test.end(a))
		})
	}
	// A child that runs this program has used something, too.
	a := p.Fork(nil)
	p.Send(a, "exit", 7)
	used(p, a)
	p.Await(pt.ExitStatus(a, 7))
}

func TestTimeOfAChildIsCounted(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("usage"), 1)
	a := p.Fork(nil)
	p.Sh(a, "ulimit -t 1; while :; do :; done")
	u := used(p, a)
	if time := u[3].(int) + u[4].(int); time < 500000 || u[1] == 0 {
		t.Errorf("%d us, signal %v", time, u[1])
	}
}

func childless(of pt.Pipeline, is pt.Atom) pt.Message {
	return pt.Message{From: of, Type: pt.TypeCtl, Data: string(pt.Encode(pt.Tuple{pt.Atom("childless"), is}))}
}

// Of a subreaper that is the proof that nothing is left of what was started below it.
func TestAProcessTellsWhenItHasNoChildrenLeft(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Want(true, a, "setopt", pt.Atom("subreaper"), 1)
	p.Want(true, a, "setopt", pt.Atom("childless"), 1)
	b := p.Fork(a)
	p.Sh(b, "exit 3")
	p.Next(pt.ExitStatus(b, 3))
	p.Next(childless(a, "true"))
	b = p.Fork(a)
	p.Sh(b, "exec >&- 2>&-; (exec <&-; sleep 1000) & kill -9 $$")
	p.Next(pt.TermSig(b, "sigkill"))
	p.Next(childless(a, "false"))
	p.Want(true, a, "setopt", pt.Atom("signalbelow"), 9)
	p.Next(childless(a, "true"))
	// What the last of them has written comes before, credit or not.
	p.Want(true, a, "setopt", pt.Atom("flowbytes"), 0)
	b = p.Fork(a)
	p.Sh(b, "exec 3<&0; (read x <&3; echo late) & exit 0")
	p.Next(pt.ExitStatus(b, 0))
	p.Next(childless(a, "false"))
	p.Next(pt.Stdout(b, "late\n"))
	p.Next(childless(a, "true"))
}

// The end of an orphan is not that of its child.
func TestAOneShotProcessExitsAfterItsChild(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	for _, option := range []pt.Atom{"subreaper", "childless", "oneshot"} {
		p.Want(true, a, "setopt", option, 1)
	}
	b := p.Fork(a)
	p.Sh(b, "(true &); read x; echo last; exit 3")
	p.Next(childless(a, "false"))
	p.Stdin(b, "go on\n")
	p.Next(pt.Stdout(b, "last\n"))
	p.Next(pt.ExitStatus(b, 3))
	p.Next(childless(a, "true"))
	p.Next(pt.Ctl(a, "fdctl_closed"))
	p.Next(pt.ExitStatus(a, 0))
}

func TestTheEndOfAChildIsToldOnceIfThatIsAskedFor(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("fdctl_closed"), 0)
	a := p.Fork(nil)
	p.Sh(a, "exit 3")
	p.Next(pt.ExitStatus(a, 3))
	b := p.Fork(nil)
	p.Send(b, "exit", 4)
	p.Next(pt.ExitStatus(b, 4))
}

func TestNothingIsToldThatNobodyAskedFor(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "cat")
	p.Stdin(a, "hello")
	p.Next(pt.Stdout(a, "hello"))
	p.Signal(a, 9)
	p.Next(pt.TermSig(a, "sigkill"))
}

func TestInputOfAProgramIsAcknowledged(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("stdin_taken"), 1)
	a := p.Fork(nil)
	ctl := func(what string, value pt.Term) pt.Message {
		return pt.Message{From: a, Type: pt.TypeCtl, Data: string(pt.Encode(pt.Tuple{pt.Atom(what), value}))}
	}
	p.Exec(a, "sleep", "1000")
	for range 2 {
		p.Stdin(a, pt.Bytes(40000))
	}
	p.Next(ctl("stdin_taken", 40000))
	m := p.Receive("the second", func(m pt.Message) bool { return m.Is(pt.TypeCtl, a) })
	if n := m.Term().(pt.Tuple)[1].(int); n >= 40000 || n < 20000 {
		t.Errorf("%v", m)
	}
	p.Signal(a, 9)
	p.Await(pt.TermSig(a, "sigkill"))
	b := p.Fork(nil)
	a = b
	p.Sh(b, "exec <&-; echo closed; exec sleep 1000")
	p.Await(pt.Stdout(b, "closed\n"))
	p.Stdin(b, "x")
	p.Await(ctl("stdin_error", pt.Atom("epipe")))
}
