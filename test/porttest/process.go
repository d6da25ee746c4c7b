// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"slices"
	"strings"
)

// Alive reports whether a process exists and is no zombie.
func Alive(pid int) bool { s := State(pid); return s != "" && s != "Z" && s != "X" }

// process identifies a process beyond the reuse of its pid.
type process struct {
	pid, parent int
	state       string
	start       string
	command     string
}

// descendants lists the processes below pid, parents before children, zombies included.
func descendants(pid int) []process {
	below := map[int]bool{pid: true}
	var found []process
	all := processes()
	for more := true; more; {
		more = false
		for _, p := range all {
			if below[p.parent] && !below[p.pid] {
				below[p.pid], more = true, true
				found = append(found, p)
			}
		}
	}
	return found
}

// Tree returns the pids of the children of every process that has any, zombies included, in
// ascending order.
func Tree() map[int][]int {
	tree := map[int][]int{}
	for _, p := range processes() {
		tree[p.parent] = append(tree[p.parent], p.pid)
	}
	for _, pids := range tree {
		slices.Sort(pids)
	}
	return tree
}

// Children lists the pids of a process's children, zombies included.
func Children(pid int) []int { return Tree()[pid] }

// Zombies lists the zombies below pid.
func Zombies(pid int) []int {
	var pids []int
	for _, p := range descendants(pid) {
		if p.state == "Z" {
			pids = append(pids, p.pid)
		}
	}
	return pids
}

// lives reports whether this very process is still there and no zombie.
func (p process) lives() bool {
	now, ok := readProcess(p.pid)
	return ok && now.start == p.start && now.state != "Z" && now.state != "X"
}

func (p process) String() string {
	return fmt.Sprintf("pid %d (%s) child of %d, state %s, threads %d, waits in %s",
		p.pid, p.command, p.parent, p.state, Threads(p.pid), waitsIn(p.pid))
}

// describe tells where pid and every process below it stand.
func describe(pid int) string {
	var out strings.Builder
	if p, ok := readProcess(pid); ok {
		fmt.Fprintf(&out, "\t%v\n", p)
	}
	for _, p := range descendants(pid) {
		fmt.Fprintf(&out, "\t%v\n", p)
	}
	if out.Len() == 0 {
		return "\tgone\n"
	}
	return out.String()
}
