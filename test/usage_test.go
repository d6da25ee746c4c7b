package test

import (
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

// used waits for what a child has used, which must come right before the event of its end.
func used(p *Port, of Pipeline) Tuple {
	p.T().Helper()
	m := p.Receive("usage", func(m Message) bool {
		t, _ := m.Term().(Tuple)
		return m.Is(TypeCtl, of) && len(t) == 12 || m.Is(TypeEvent, of)
	})
	t, _ := m.Term().(Tuple)
	if !m.Is(TypeCtl, of) || t[0] != Atom("usage") {
		p.T().Fatalf("the end came first: %v", m)
	}
	return t
}

func TestWhatAChildHasUsedIsToldBeforeItsEnd(t *testing.T) {
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("usage"), 1)
	for _, test := range []struct {
		script string
		signal int
		end    func(Pipeline) Message
	}{
		{"exit 3", 0, func(l Pipeline) Message { return ExitStatus(l, 3) }},
		{"ulimit -c 0; kill -9 $$", 9, func(l Pipeline) Message { return TermSig(l, "sigkill") }},
		{"ulimit -c 0; kill -SEGV $$", 11, func(l Pipeline) Message { return TermSig(l, "sigsegv") }},
		{"kill -40 $$", 40, func(l Pipeline) Message { return TermSig(l, "unknown") }},
	} {
		t.Run(test.script, func(t *testing.T) {
			p := p.With(t)
			a := p.Fork(nil)
			p.Sh(a, test.script)
			u := used(p, a)
			if u[1] != test.signal || u[2] != Atom("false") {
				t.Errorf("signal %v, core %v", u[1], u[2])
			}
			for i, n := range u[3:] {
				if n, ok := n.(int); !ok || n < 0 {
					t.Errorf("number %d is %v", i, Format(u[3+i]))
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
	p.Await(ExitStatus(a, 7))
}

func TestTimeOfAChildIsCounted(t *testing.T) {
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("usage"), 1)
	a := p.Fork(nil)
	p.Sh(a, "ulimit -t 1; while :; do :; done")
	u := used(p, a)
	if time := u[3].(int) + u[4].(int); time < 500000 || u[1] == 0 {
		t.Errorf("%d us, signal %v", time, u[1])
	}
}

func TestNothingIsToldThatNobodyAskedFor(t *testing.T) {
	p := Start(t)
	a := p.Fork(nil)
	p.Exec(a, "cat")
	p.Stdin(a, "hello")
	p.Next(Stdout(a, "hello"))
	p.Signal(a, 9)
	p.Next(TermSig(a, "sigkill"))
}

func TestInputOfAProgramIsAcknowledged(t *testing.T) {
	p := Start(t)
	p.Want(true, nil, "setopt", Atom("stdin_taken"), 1)
	a := p.Fork(nil)
	ctl := func(what string, value Term) Message {
		return Message{From: a, Type: TypeCtl, Data: string(Encode(Tuple{Atom(what), value}))}
	}
	p.Exec(a, "sleep", "1000")
	for range 2 {
		p.Stdin(a, Bytes(40000))
	}
	p.Next(ctl("stdin_taken", 40000))
	m := p.Receive("the second", func(m Message) bool { return m.Is(TypeCtl, a) })
	if n := m.Term().(Tuple)[1].(int); n >= 40000 || n < 20000 {
		t.Errorf("%v", m)
	}
	p.Signal(a, 9)
	p.Await(TermSig(a, "sigkill"))
	b := p.Fork(nil)
	a = b
	p.Sh(b, "exec <&-; echo closed; exec sleep 1000")
	p.Await(Stdout(b, "closed\n"))
	p.Stdin(b, "x")
	p.Await(ctl("stdin_error", Atom("epipe")))
}
