// SPDX-License-Identifier: ISC

package porttest

import (
	"os"
	"os/exec"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// What ps(1) and procstat(1) know. There is no /proc; tests that read it are skipped.

// Status returns a field of Linux's /proc/PID/status.
func Status(pid int, field string) string { return "" }

// SystemCall returns the number of the system call in which a process sleeps; it is not known here.
func SystemCall(pid int) int { return -1 }

// State returns the letter of a process's state: R, S, D, T (stopped), Z (zombie), "" when it is
// gone.
func State(pid int) string {
	p, _ := readProcess(pid)
	return p.state
}

// Threads returns the number of threads of a process, 0 when it is gone.
func Threads(pid int) int {
	out, _ := exec.Command("ps", "-o", "nlwp=", "-p", strconv.Itoa(pid)).Output()
	n, _ := strconv.Atoi(strings.TrimSpace(string(out)))
	return n
}

// FDs lists the descriptors of a process and what they are open on.
func FDs(pid int) map[int]string {
	if pid == os.Getpid() {
		return ownFDs()
	}
	fds := map[int]string{}
	out, _ := exec.Command("procstat", "-h", "-f", strconv.Itoa(pid)).Output()
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 5 {
			continue
		}
		if n, err := strconv.Atoi(f[2]); err == nil {
			fds[n] = strings.Join(f[3:], " ")
		}
	}
	return fds
}

// ownFDs asks for each descriptor itself: a command would have its own in between.
func ownFDs() map[int]string {
	const most = 1 << 12
	fds := map[int]string{}
	for fd := range most {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			fds[fd] = "open"
		}
	}
	return fds
}

// readProcess finds a process in the list of all.
func readProcess(pid int) (process, bool) { return first(ps("-p", strconv.Itoa(pid))) }

func first(all []process) (process, bool) {
	if len(all) == 0 {
		return process{}, false
	}
	return all[0], true
}

// processes lists all processes.
func processes() []process { return ps("-ax") }

// ps lists the processes that options choose.
func ps(which ...string) []process {
	const dateWords = 5
	out, _ := exec.Command("ps", append(which, "-o", "pid=,ppid=,state=,lstart=,comm=")...).Output()
	var all []process
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) < 4+dateWords {
			continue
		}
		pid, _ := strconv.Atoi(f[0])
		parent, _ := strconv.Atoi(f[1])
		// An idle process sleeps, too.
		state := strings.Replace(f[2][:1], "I", "S", 1)
		all = append(all, process{pid, parent, state, strings.Join(f[3:3+dateWords], " "), strings.Join(f[3+dateWords:], " ")})
	}
	return all
}

// waitsIn returns nothing: it is not known here.
func waitsIn(pid int) string { return "" }

// capable reports whether this process has the rights of root, which are not divided here.
func capable(number uint) bool { return os.Geteuid() == 0 }
