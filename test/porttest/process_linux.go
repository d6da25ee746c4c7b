// SPDX-License-Identifier: ISC

package porttest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Status returns the value of a field of /proc/PID/status, "" when the process is gone.
func Status(pid int, field string) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, field+":"); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

// State returns the letter of a process's state: R, S, D, T (stopped), t (traced), Z (zombie), ""
// when it is gone.
func State(pid int) string { return cut(Status(pid, "State"), 1) }

// Threads returns the number of threads of a process, 0 when it is gone.
func Threads(pid int) int { n, _ := strconv.Atoi(Status(pid, "Threads")); return n }

// SystemCall returns the number of the system call in which a process sleeps, -1 when it does not.
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

// processes lists all processes.
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

// waitsIn returns the function of the kernel in which a process sleeps.
func waitsIn(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
	return string(b)
}

// capable reports whether this process has a capability.
func capable(number uint) bool {
	var effective uint64
	fmt.Sscanf(Status(os.Getpid(), "CapEff"), "%x", &effective)
	return effective&(1<<number) != 0
}
