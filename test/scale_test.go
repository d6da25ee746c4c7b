// SPDX-License-Identifier: ISC

package test

import (
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// wide lets a process have a thousand children, and the port open what they need: six descriptors
// for each.
func wide(t *testing.T) *pt.Port {
	t.Helper()
	return pt.Start(t, pt.Shell("ulimit -n 8192"), pt.Args("-m", "1100"))
}

// forkAll has the processes fork n times each, all at once, and returns the children.
func forkAll(p *pt.Port, parents []pt.Pipeline, n int) (children []pt.Pipeline) {
	p.T().Helper()
	for _, l := range parents {
		for range n {
			p.Send(l, "fork")
		}
	}
	for range len(parents) * n {
		m := p.Any()
		reply, _ := m.Term().(pt.Tuple)
		if m.Type != pt.TypeCall || len(reply) != 2 || reply[0] != pt.Atom("ok") {
			p.T().Fatalf("fork: %v", m)
		}
		children = append(children, m.From.Then(reply[1].(int)))
	}
	return children
}

// speakToAll makes a call to each of the processes before it looks at the first answer.
func speakToAll(p *pt.Port, all []pt.Pipeline) {
	p.T().Helper()
	for _, l := range all {
		p.Send(l, "getpid")
	}
	silent := map[string]int{}
	for _, l := range all {
		silent[l.String()] = l.Pid()
	}
	for range all {
		m := p.Any()
		if pid, asked := silent[m.From.String()]; !asked || !m.Is(pt.TypeCall, m.From) || m.Term() != pid {
			p.T().Fatalf("instead of an answer: %v", m)
		}
		delete(silent, m.From.String())
	}
}

func TestPortServesAThousandChildren(t *testing.T) {
	const children = 1000
	p := wide(t)
	before := len(pt.FDs(p.Pid))
	all := forkAll(p, []pt.Pipeline{nil}, children)
	speakToAll(p, all)
	pids, _ := p.Call(nil, "cpid").(pt.Chained)
	if len(pids) != children || len(pt.Children(p.Pid)) != children {
		t.Errorf("%d children listed, %d there, want %d", len(pids), len(pt.Children(p.Pid)), children)
	}
	for _, l := range []pt.Pipeline{all[0], all[children-1]} {
		p.Exec(l, "cat")
		p.Stdin(l, "hello\n")
		p.Next(pt.Stdout(l, "hello\n"))
	}
	// Half of them end by themselves, the others with the port.
	for _, l := range all[1 : 1+children/2] {
		p.Stop(l)
	}
	speakToAll(p, all[1+children/2:children-1])
	// Four descriptors for each that is left, and one that watches them all.
	if n := len(pt.FDs(p.Pid)) - before; n > 4*children/2+1 {
		t.Errorf("%d descriptors for %d children", n, children/2)
	}
}

func TestTreeOfTwoThousandProcesses(t *testing.T) {
	p := wide(t)
	var all []pt.Pipeline
	level := []pt.Pipeline{nil}
	for _, n := range []int{5, 19, 20} {
		level = forkAll(p, level, n)
		all = append(all, level...)
	}
	if len(all) != 2000 {
		t.Fatalf("%d processes", len(all))
	}
	speakToAll(p, all)
	// A branch goes with the process that it hangs from, which tells of its own end only.
	p.Stop(all[0])
	speakToAll(p, all[1:5])
}
