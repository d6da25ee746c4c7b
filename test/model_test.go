// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// A random tree is compared with a model of it. In each round a batch of calls, data and signals
// goes to random processes, while one of them may be killed, stopped, or told to exit. Every
// process that lives must answer each call once and in order; every end is reported once; nothing
// else may come. No process has more descriptors than its children account for, or children that
// the model does not have. None has more memory than when it had been there for a while; some are
// never killed, and show that longest. Flags -seed, -budget and -processes repeat a run, or make it
// longer or the tree larger.
func TestRandomTreeBehavesAsItsModel(t *testing.T) {
	t.Parallel()
	m := &model{t: t, random: seeded(t), p: pt.Start(t, pt.Shell("ulimit -S -n 1024"))}
	m.root = &node{pid: m.p.Pid, signals: map[string]int{}, kept: true}
	m.nodes = []*node{m.root}
	for end := time.Now().Add(*budget); time.Now().Before(end) && !t.Failed(); m.rounds++ {
		m.round()
		if m.rounds%16 == 0 {
			m.compareTree()
			m.compareMemory()
		}
	}
	m.compareTree()
	m.compareMemory()
	t.Logf("%d rounds, %d messages, %d processes at the end, %d made, %d ended; memory grew by %d KiB at most, measured in %d",
		m.rounds, m.messages, len(m.nodes), m.made, m.ended, m.grown, m.measured)
	if m.rounds < 20 {
		t.Errorf("only %d rounds in %v", m.rounds, *budget)
	}
}

// node is a process of the model: one that runs the port, or cat.
type node struct {
	at       pt.Pipeline
	pid      int
	parent   *node
	program  bool
	execing  bool           // it became a program in this round
	answers  []pt.Message   // to come, in this order: replies, and what else the process says in their place
	output   string         // of the program, to come
	signals  map[string]int // events to come
	end      []pt.Message   // how its parent reports its end, in this order
	doomed   bool           // it or an ancestor ends in this round: what it still says is up to the race
	silenced bool           // stopped: what it says is not waited for
	kept     bool           // is not killed, nor executes a program
	born     int            // round
	memory   int            // in KiB, when it had been there for a while; 0 before
}

type model struct {
	t                     *testing.T
	p                     *pt.Port
	random                *rand.Rand
	root                  *node
	nodes                 []*node
	batch                 []byte
	rounds                int
	messages, made, ended int
	grown, measured       int // memory in KiB, and in how many processes
}

func (m *model) pick(fits func(*node) bool) *node {
	var some []*node
	for _, n := range m.nodes {
		if fits(n) {
			some = append(some, n)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[m.random.IntN(len(some))]
}

func (m *model) children(n *node) (some []*node) {
	for _, c := range m.nodes {
		if c.parent == n {
			some = append(some, c)
		}
	}
	return some
}

func (m *model) subtree(n *node) []*node {
	all := []*node{n}
	for _, c := range m.children(n) {
		all = append(all, m.subtree(c)...)
	}
	return all
}

func (m *model) find(at pt.Pipeline) *node {
	for _, n := range m.nodes {
		if slices.Equal(n.at, at) {
			return n
		}
	}
	return nil
}

func (m *model) round() {
	for len(m.nodes) < *processes && (len(m.nodes) < *processes/4 || m.random.IntN(3) > 0) && m.fork() {
	}
	m.batch = nil
	for range 1 + m.random.IntN(*processes) {
		m.send()
	}
	victim := m.pick(func(n *node) bool { return !n.kept })
	fault := m.random.IntN(6)
	if victim == nil {
		fault = -1
	}
	if fault == 0 && !victim.program {
		m.exit(victim)
	}
	m.write()
	for range m.random.IntN(4) {
		m.signal()
	}
	switch fault {
	case 1:
		m.kill(victim)
	case 2:
		victim = m.pick(func(n *node) bool { return n.parent != nil })
		m.stop(victim)
		m.collect()
		m.goOn(victim)
	}
	m.collect()
	m.settle()
	m.bury()
}

// settle has every process that lives answer once more: what it had to say about the dead is out by
// then.
func (m *model) settle() {
	for _, n := range m.nodes {
		if !n.program && !n.doomed {
			m.expect(n, pt.CallFrame(n.at, "version"), pt.Reply(n.at, pt.Binary("1.0.1")))
		}
	}
	m.write()
	m.collect()
}

// fork makes a child of some process that has room for it.
func (m *model) fork() bool {
	n := m.pick(func(n *node) bool { return !n.program && len(n.at) < 12 && len(m.children(n)) < 12 })
	if n == nil {
		return false
	}
	at := pt.Pipeline(nil)
	if m.random.IntN(4) == 0 && syscall.Getuid() == 0 {
		at = m.p.Clone(n.at, "clone_newuts", "clone_newns")
	} else {
		at = m.p.Fork(n.at)
	}
	m.nodes = append(m.nodes, &node{at: at, pid: at.Pid(), parent: n, signals: map[string]int{}, born: m.rounds,
		kept: m.made < *processes/4})
	m.made++
	return true
}

// expect adds a call to the batch, and its answer to what is to come.
func (m *model) expect(n *node, frame []byte, answer pt.Message) {
	m.batch = append(m.batch, frame...)
	n.answers = append(n.answers, answer)
}

// send adds something for a random process to the batch.
func (m *model) send() {
	n := m.pick(func(n *node) bool { return true })
	data := pt.Bytes(1 + m.random.IntN(1<<m.random.IntN(12)))
	if n.program {
		if len(n.output) < 30000 { // less than a pipe holds, even when nobody reads
			m.batch = append(m.batch, pt.StdinFrame(n.at, []byte(data))...)
			n.output += data
		}
		return
	}
	call := func(want pt.Term, name string, args ...pt.Term) {
		m.expect(n, pt.CallFrame(n.at, name, args...), pt.Reply(n.at, want))
	}
	switch m.random.IntN(10) {
	case 0, 1:
		call(n.pid, "getpid")
	case 2, 3:
		call(pt.Binary(data), "iolist_to_bin", pt.Binary(data))
	case 4:
		call(16, "getopt", pt.Atom("maxforkdepth"))
	case 5:
		call(pt.Atom("enoent"), "errno_id", 2)
	case 6:
		call(badarg, "open", pt.Atom(data[:min(len(data), 255)]), pt.List{}, 0)
	case 7:
		m.expect(n, pt.CallFrame(n.at.Then(7), "getpid"), pt.Ctl(n.at.Then(7), "badpid"))
	case 8:
		m.expect(n, pt.ExecFrame(n.at, "/no/such/program"), pt.Reply(n.at, errno("enoent")))
	case 9:
		if !n.kept && len(m.children(n)) == 0 {
			m.expect(n, pt.ExecFrame(n.at, "cat"), pt.Ctl(n.at, "fdctl_closed"))
			n.program, n.execing = true, true
		}
	}
}

// write sends the batch in a few pieces.
func (m *model) write() {
	for len(m.batch) > 0 {
		n := len(m.batch)
		if m.random.IntN(2) == 0 {
			n = 1 + m.random.IntN(n)
		}
		m.p.Write(m.batch[:n])
		m.batch = m.batch[n:]
	}
}

// signal sends a signal to a process that runs the port, one of each kind at a time since two may
// become one.
func (m *model) signal() {
	name, number := "sigusr1", syscall.SIGUSR1
	if m.random.IntN(2) == 0 {
		name, number = "sigusr2", syscall.SIGUSR2
	}
	n := m.pick(func(n *node) bool { return !n.program && !n.doomed && n.signals[name] == 0 })
	// A process that is about to become a program, or has just been forked, may not have its
	// handlers.
	if n != nil {
		n.signals[name]++
		kill(m.t, n.pid, number)
	}
}

func (m *model) doom(n *node) {
	for _, c := range m.subtree(n) {
		c.doomed = true
	}
}

func (m *model) exit(n *node) {
	status := m.random.IntN(256)
	m.batch = append(m.batch, pt.CallFrame(n.at, "exit", status)...)
	m.doom(n)
	n.end = []pt.Message{pt.Ctl(n.at, "fdctl_closed"), pt.ExitStatus(n.at, status)}
}

func (m *model) kill(n *node) {
	m.doom(n)
	n.end = []pt.Message{pt.TermSig(n.at, "sigkill")}
	if !n.program {
		n.end = []pt.Message{pt.Ctl(n.at, "fdctl_closed"), n.end[0]}
	} else if i := slices.IndexFunc(n.answers, func(a pt.Message) bool { return a.Type == pt.TypeCtl && slices.Equal(a.From, n.at) }); i >= 0 {
		// It may be killed before it execs: then its control socket closes all the same.
		n.end = []pt.Message{n.answers[i], n.end[0]}
		n.answers = slices.Delete(n.answers, i, i+1)
	}
	kill(m.t, n.pid, syscall.SIGKILL)
}

func (m *model) stop(n *node) {
	kill(m.t, n.pid, syscall.SIGSTOP)
	pt.Until(m.t, "the process stops", func() bool { return pt.State(n.pid) == "T" })
	for _, c := range m.subtree(n) {
		c.silenced = true
	}
}

func (m *model) goOn(n *node) {
	for _, c := range m.subtree(n) {
		c.silenced = false
	}
	if !n.program {
		n.signals["sigcont"]++
	}
	kill(m.t, n.pid, syscall.SIGCONT)
}

// missing names something that has to come still, "" if nothing has.
func (m *model) missing() string {
	for _, n := range m.nodes {
		if len(n.end) > 0 {
			return fmt.Sprintf("end of %v: %v", n.at, n.end[0])
		}
		if n.doomed || n.silenced {
			continue
		}
		if len(n.answers) > 0 {
			return fmt.Sprintf("answer of %v: %v", n.at, n.answers[0])
		}
		if n.output != "" {
			return fmt.Sprintf("%d bytes of output of %v", len(n.output), n.at)
		}
		for name, count := range n.signals {
			if count > 0 {
				return fmt.Sprintf("%s of %v", name, n.at)
			}
		}
	}
	return ""
}

// collect takes messages until nothing is missing any more.
func (m *model) collect() {
	for what := m.missing(); what != "" && !m.t.Failed(); what = m.missing() {
		got := m.p.Receive(what, func(pt.Message) bool { return true })
		m.messages++
		if !m.accept(got) {
			m.t.Errorf("unexpected %v\nwhile waiting for %s", got, what)
		}
	}
}

// accept takes a message off what is to come.
func (m *model) accept(got pt.Message) bool {
	n := m.find(got.From)
	if n == nil && got.Type == pt.TypeCtl && len(got.From) > 0 {
		n = m.find(got.From.Parent()) // about a child that never was
	}
	if n == nil {
		return false
	}
	is := func(want pt.Message) bool { return want.Is(got.Type, got.From) && want.Data == got.Data }
	switch {
	case len(n.answers) > 0 && is(n.answers[0]):
		n.answers = n.answers[1:]
		return true
	case len(n.end) > 0 && is(n.end[0]):
		n.end = n.end[1:]
		return true
	case got.Type == pt.TypeStdout && strings.HasPrefix(n.output, got.Data):
		n.output = n.output[len(got.Data):]
		return true
	case n.doomed && got.Type == pt.TypeCtl:
		// Sent to a process that has ended, or its end reported by a parent that ends as well.
		return true
	case n.doomed && got.Type == pt.TypeEvent && n.parent.doomed:
		return true
	}
	for _, name := range []string{"sigusr1", "sigusr2", "sigcont", "sigpipe"} {
		if _, is := got.Signal(name); is {
			n.signals[name]--
			if name == "sigcont" && n.execing {
				return true // stopped before it had become the program
			}
			// Writing to a child that has just ended raises SIGPIPE.
			return n.signals[name] >= 0 || name == "sigpipe" && m.pick(func(c *node) bool { return c.doomed }) != nil
		}
	}
	return false
}

// bury takes the dead out of the model.
func (m *model) bury() {
	m.nodes = slices.DeleteFunc(m.nodes, func(n *node) bool {
		if n.doomed {
			m.ended++
		}
		return n.doomed
	})
	for _, n := range m.nodes {
		delete(n.signals, "sigpipe")
		if n.program {
			n.execing = false
			delete(n.signals, "sigcont")
		}
	}
}

// compareTree compares the children that each process lists, and those that it has, with the model.
func (m *model) compareTree() {
	m.t.Helper()
	want := map[int][]int{}
	for _, n := range m.nodes {
		for _, c := range m.children(n) {
			want[n.pid] = append(want[n.pid], c.pid)
		}
		slices.Sort(want[n.pid])
	}
	for _, n := range m.nodes {
		if n.program {
			continue
		}
		// Its own six descriptors and those of its children; a process that had many has one more.
		fds := 6
		for _, c := range m.children(n) {
			if fds += 4; c.program {
				fds--
			}
		}
		if now := pt.FDs(n.pid); len(now) != fds && len(now) != fds+1 {
			m.t.Errorf("%v has %d descriptors, want %d: %v", n.at, len(now), fds, now)
		}
		var listed []int
		for _, s := range slots(m.t, m.p, n.at) {
			listed = append(listed, s.Pid)
		}
		slices.Sort(listed)
		if !slices.Equal(listed, want[n.pid]) {
			m.t.Errorf("cpid of %v lists %v, want %v", n.at, listed, want[n.pid])
		}
	}
	pt.Until(m.t, "every process has the children of the model", func() bool {
		tree := pt.Tree()
		return !slices.ContainsFunc(m.nodes, func(n *node) bool { return !slices.Equal(tree[n.pid], want[n.pid]) })
	})
}

// compareMemory compares the memory of each process with what it had when it had been there for a
// while: it has used its buffers by then, and has had as many children as ever.
func (m *model) compareMemory() {
	m.t.Helper()
	const while, most = 100, 1500
	m.measured = 0
	for _, n := range m.nodes {
		if n.program || m.rounds-n.born < while {
			continue
		}
		now := rss(m.t, n.pid)
		if n.memory == 0 {
			n.memory = now
		}
		m.measured++
		if m.grown = max(m.grown, now-n.memory); now-n.memory > most {
			m.t.Errorf("%v grew by %d KiB in %d rounds", n.at, now-n.memory, m.rounds-n.born)
		}
	}
}
