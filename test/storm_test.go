// SPDX-License-Identifier: ISC

package test

import (
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// Processes of a tree are killed, stopped and continued while calls, forks and execs are on their
// way to them. The port, a child that nobody touches, and a program below it answer in every round.
// Now and then all goes on. Then each process that was not killed has answered every call, or its
// program has returned every byte. Each end of one whose parent lives has been reported once, and
// the tree is the one that the reports make.
func TestAnyProcessMayBeKilledOrStoppedAtAnyMoment(t *testing.T) {
	t.Parallel()
	s := &storm{t: t, random: seeded(t), p: pt.Start(t, pt.Shell("ulimit -S -n 1024")), nodes: map[string]*stormNode{}}
	s.root = s.add(nil)
	s.witness = s.p.Fork(nil)
	s.echo = s.p.Fork(s.witness)
	s.p.Exec(s.echo, "cat")
	fds, memory := len(pt.FDs(s.p.Pid)), 0
	for s.round = 1; s.round <= stormRounds && !t.Failed(); s.round++ {
		s.rage()
		s.ask()
		if s.sent > enough/2 {
			s.settle()
		}
		if s.round == stormRounds/10 {
			memory = rss(t, s.p.Pid)
		}
	}
	for _, n := range s.live() {
		if len(n.at) == 1 {
			s.kill(n)
		}
	}
	s.settle()
	s.compareTree()
	if now := pt.FDs(s.p.Pid); len(now) != fds && len(now) != fds+1 {
		t.Errorf("%d descriptors, %d before: %v", len(now), fds, now)
	}
	if grown := rss(t, s.p.Pid) - memory; grown > 1000 {
		t.Errorf("the port grew by %d KiB", grown)
	}
	t.Logf("%d processes made, %d killed, %d stopped", s.made, s.killed, s.stops)
	if s.killed < stormRounds/50 || s.stops < stormRounds/50 {
		t.Errorf("only %d were killed and %d stopped in %d rounds", s.killed, s.stops, stormRounds)
	}
}

const (
	stormRounds = 3000

	// No more is sent between two rests than a pipe and a queue hold, however it is cut: then no
	// process may refuse anything.
	enough, most = 70000, 90000

	// A program has a pipe and no queue. Of the pages of a pipe more than half of each is used,
	// since what does not fit in the last one begins a new one.
	programTakes = 32 << 10
)

// stormNode is a process of the tree, without the witness and what is below it.
type stormNode struct {
	at       pt.Pipeline
	program  bool // it was told to execute cat
	dead     bool // it or one above it was killed
	stopped  bool
	unspoken int // calls that are not answered
	echo     int // bytes that were sent to the program and are not back
	end      int // reports of its end that have to come: one when it was killed itself
}

type storm struct {
	t                          *testing.T
	p                          *pt.Port
	random                     *rand.Rand
	root                       *stormNode
	nodes                      map[string]*stormNode // by pipeline
	order                      []*stormNode          // as they were made
	witness, echo              pt.Pipeline
	round, made, killed, stops int
	rests                      int
	size                       int // of data that is sent, as a power of two
	sent                       int // bytes since all was at rest
}

func (s *storm) add(at pt.Pipeline) *stormNode {
	n := &stormNode{at: slices.Clone(at)}
	s.nodes[at.String()] = n
	s.order = append(s.order, n)
	s.made++
	return n
}

// live lists the processes that have not been killed, parents before children.
func (s *storm) live() []*stormNode {
	s.order = slices.DeleteFunc(s.order, func(n *stormNode) bool { return n.dead && n.end == 0 })
	var live []*stormNode
	for _, n := range s.order {
		if !n.dead {
			live = append(live, n)
		}
	}
	return live
}

// above reports whether a is b or above it.
func above(a, b pt.Pipeline) bool { return len(a) <= len(b) && slices.Equal(a, b[:len(a)]) }

// reachable tells that nothing on the way to n is stopped, nor n itself.
func (s *storm) reachable(n *stormNode) bool {
	return !slices.ContainsFunc(s.live(), func(o *stormNode) bool { return o.stopped && above(o.at, n.at) })
}

// rage sends a batch, and does something to some process before, behind or in the middle of it.
func (s *storm) rage() {
	live := s.live()
	var batch []byte
	some := live
	s.size = 12
	if below := s.stopped(live); len(below) > 0 && s.random.IntN(2) == 0 {
		some, s.size = below, 15 // more than a pipe holds
	}
	for range 1 + s.random.IntN(12) {
		frame := s.something(some[s.random.IntN(len(some))], len(live))
		batch = append(batch, frame...)
		s.sent += len(frame)
	}
	cut := s.random.IntN(len(batch) + 1)
	whole := s.random.IntN(3)
	if whole > 0 {
		cut = []int{0, len(batch)}[whole-1]
	}
	s.p.Write(batch[:cut])
	s.harm(live[s.random.IntN(len(live))])
	s.p.Write(batch[cut:])
	if s.root.stopped {
		s.goOn(s.root)
	}
}

// stopped lists the processes in and below one that is stopped.
func (s *storm) stopped(live []*stormNode) (below []*stormNode) {
	for _, n := range live {
		if n.stopped && len(n.at) > 0 {
			for _, o := range live {
				if above(n.at, o.at) {
					below = append(below, o)
				}
			}
			return below
		}
	}
	return nil
}

// something returns a frame for n.
func (s *storm) something(n *stormNode, live int) []byte {
	if n.program {
		data := s.data()
		data = data[:min(len(data), programTakes-n.echo)]
		n.echo += len(data)
		return pt.StdinFrame(n.at, []byte(data))
	}
	n.unspoken++
	switch k := s.random.IntN(10); {
	case k < 2 && live < 30:
		return pt.CallFrame(n.at, "fork")
	case k < 3 && len(n.at) > 0 && s.reachable(n) && !s.hasChildren(n):
		n.program = true
		n.unspoken--
		return pt.ExecFrame(n.at, "cat")
	case k < 8:
		return pt.CallFrame(n.at, "iolist_to_bin", pt.Binary(s.data()))
	}
	return pt.CallFrame(n.at, "getpid")
}

// data returns what is mostly small.
func (s *storm) data() string {
	return pt.Bytes(min(s.random.IntN(1<<s.random.IntN(s.size)), max(0, enough-s.sent)/4))
}

func (s *storm) hasChildren(n *stormNode) bool {
	return n.unspoken > 1 || slices.ContainsFunc(s.order, func(o *stormNode) bool { return len(o.at) > len(n.at) && above(n.at, o.at) })
}

func (s *storm) harm(n *stormNode) {
	switch k := s.random.IntN(8); {
	case k < 1 && len(n.at) > 0:
		s.kill(n)
	case k < 5 && !n.stopped:
		n.stopped = true
		s.stops++
		kill(s.t, s.pid(n), syscall.SIGSTOP)
	case n.stopped:
		s.goOn(n)
	}
}

func (s *storm) pid(n *stormNode) int {
	if len(n.at) == 0 {
		return s.p.Pid
	}
	return n.at.Pid()
}

func (s *storm) kill(n *stormNode) {
	n.end++
	s.killed++
	kill(s.t, n.at.Pid(), syscall.SIGKILL)
	// Those below see the end of their input when they run.
	for _, o := range s.live() {
		if above(n.at, o.at) {
			if o.stopped && o != n {
				s.goOn(o)
			}
			o.dead = true
		}
	}
}

// goOn continues a process that is stopped, and may have been killed with its parent.
func (s *storm) goOn(n *stormNode) {
	n.stopped = false
	syscall.Kill(s.pid(n), syscall.SIGCONT)
}

// ask has those answer that nobody harms.
func (s *storm) ask() {
	s.p.Send(nil, "version") // a reply that nothing else has
	s.p.Await(pt.Reply(nil, pt.Binary("1.0.1")))
	s.p.Want(s.witness.Pid(), s.witness, "getpid")
	if s.round%8 == 0 {
		s.p.Stdin(s.echo, "x")
		s.p.Await(pt.Stdout(s.echo, "x"))
	}
	s.collect()
}

// collect takes what has come.
func (s *storm) collect() {
	for _, m := range s.p.Queue() {
		s.take(m)
	}
}

func (s *storm) take(m pt.Message) {
	n := s.nodes[m.From.String()]
	switch {
	case m.Type == pt.TypeCtl:
		return // fdctl_closed, badpid
	case n == nil:
		s.unknown(m)
	case m.Type == pt.TypeCall:
		n.unspoken--
		if r, _ := m.Term().(pt.Tuple); len(r) == 2 && r[0] == ok {
			pid, _ := r[1].(int)
			s.add(n.at.Then(pid)).dead = n.dead
		}
	case m.Type == pt.TypeStdout:
		n.echo -= len(m.Data)
	case m.Type == pt.TypePipe:
		s.t.Errorf("refused: %v", m)
	case m.Type == pt.TypeEvent:
		if _, is := m.Signal("sigcont"); is {
			return
		}
		if _, is := m.Signal("sigpipe"); is {
			return // written to a child that has just been killed
		}
		if n.end--; n.end < 0 && !n.dead {
			s.t.Errorf("unexpected %v", m)
		}
	}
}

// unknown takes a message of a process that is not of the model: its parent was killed before it
// could tell.
func (s *storm) unknown(m pt.Message) {
	for i := len(m.From) - 1; i > 0; i-- {
		if n := s.nodes[m.From[:i].String()]; n != nil && n.dead {
			return
		}
	}
	s.t.Errorf("message of an unknown process: %v", m)
}

// settle continues all that is stopped and waits until nothing has to come any more.
func (s *storm) settle() {
	if s.sent > most {
		s.t.Fatalf("%d bytes were sent in one go", s.sent)
	}
	s.sent = 0
	for _, n := range s.live() {
		if n.stopped {
			s.goOn(n)
		}
	}
	for what := s.missing(); what != ""; what = s.missing() {
		s.take(s.p.Receive(what, func(pt.Message) bool { return true }))
	}
	if s.rests++; s.rests%20 == 0 {
		s.compareTree()
	}
}

func (s *storm) compareTree() {
	want := map[int][]int{s.p.Pid: {s.witness.Pid()}}
	for _, n := range s.live() {
		if len(n.at) > 0 {
			parent := s.pid(s.nodes[n.at.Parent().String()])
			want[parent] = append(want[parent], n.at.Pid())
		}
	}
	for _, pids := range want {
		slices.Sort(pids)
	}
	pt.Until(s.t, "the tree is that of the reports", func() bool {
		tree := pt.Tree()
		return !slices.ContainsFunc(s.live(), func(n *stormNode) bool { return !slices.Equal(tree[s.pid(n)], want[s.pid(n)]) })
	})
}

func (s *storm) missing() string {
	for _, n := range s.order {
		switch {
		case n.end > 0 && !s.nodes[n.at.Parent().String()].dead:
			return "end of " + n.at.String()
		case !n.dead && n.unspoken > 0:
			return "answer of " + n.at.String()
		case !n.dead && n.echo > 0:
			return "what was sent to " + n.at.String()
		}
	}
	return ""
}
