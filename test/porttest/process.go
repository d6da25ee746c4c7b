package porttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Status is the value of a field of /proc/PID/status, "" when the process is gone.
func Status(pid int, field string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// State is the letter of a process's state: R, S, D, T (stopped), t (traced), Z (zombie), "" when it is gone.
func State(pid int) string { return cut(Status(pid, "State"), 1) }

// Alive tells whether a process exists and is no zombie.
func Alive(pid int) bool { s := State(pid); return s != "" && s != "Z" && s != "X" }

// Threads is the number of threads of a process, 0 when it is gone.
func Threads(pid int) int { n, _ := strconv.Atoi(Status(pid, "Threads")); return n }

// SystemCall is the number of the system call in which a process sleeps, -1 when it does not.
func SystemCall(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/syscall", pid))
	number, _, _ := strings.Cut(string(b), " ")
	if n, err := strconv.Atoi(number); err == nil {
		return n
	}
	return -1
}

// FDs lists the descriptors of a process and what they are open on.
func FDs(pid int) map[int]string {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir)
	fds := map[int]string{}
	for _, e := range entries {
		n, _ := strconv.Atoi(e.Name())
		if target, err := os.Readlink(filepath.Join(dir, e.Name())); err == nil {
			fds[n] = target
		}
	}
	return fds
}

// process identifies a process beyond the reuse of its pid.
type process struct {
	pid, parent int
	state       string
	start       string
	command     string
}

// readProcess reads /proc/PID/stat.
func readProcess(pid int) (process, bool) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	open, end := bytes.IndexByte(b, '('), bytes.LastIndexByte(b, ')')
	if err != nil || open < 0 || end < open {
		return process{}, false
	}
	f := strings.Fields(string(b[end+1:]))
	parent, _ := strconv.Atoi(f[1])
	return process{pid, parent, f[0], f[19], string(b[open+1 : end])}, true
}

func processes() []process {
	entries, _ := os.ReadDir("/proc")
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if p, ok := readProcess(pid); ok {
			all = append(all, p)
		}
	}
	return all
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

// Tree is the pids of the children of every process that has any, zombies included, in ascending order.
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

// lives tells whether this very process is still there and no zombie.
func (p process) lives() bool {
	now, ok := readProcess(p.pid)
	return ok && now.start == p.start && now.state != "Z" && now.state != "X"
}

func (p process) String() string {
	where, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", p.pid))
	return fmt.Sprintf("pid %d (%s) child of %d, state %s, threads %d, waits in %s",
		p.pid, p.command, p.parent, p.state, Threads(p.pid), where)
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
