// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Whom a walk does not signal.
const (
	sparePorts = 1 << iota // children that run this program, and what is below them
	spareAsked             // children and members of groups that they lead
)

// A walk visits all processes below this one by the children files of /proc,
// level by level, and signals each as soon as it is found. The kernel promises
// the contents of such a file only for processes that are stopped; what a walk
// misses because its parent ends meanwhile, the next one finds.
type walk struct {
	p     *Process
	signo int
	spare int
	path  [64]byte
	text  []byte  // what was read of a file
	tasks []byte  // what was read of a directory
	pids  []int32 // found so far
	n     int
	sum   uint64 // of what was found, to compare with another look
}

const (
	walkText = 32 << 10
	mostLook = 100
)

// newWalk returns a walk that works in memory, which has more than 64 KiB.
func (p *Process) newWalk(signo int, memory []byte) (w walk) {
	w.p, w.signo = p, signo
	w.text, w.tasks = memory[:walkText], memory[walkText:2*walkText]
	rest := memory[2*walkText:]
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(rest))) & 3
	rest = rest[skip:]
	w.pids = unsafe.Slice((*int32)(unsafe.Pointer(unsafe.SliceData(rest))), len(rest)/4)
	return w
}

// untilTwoLooksAgree looks again as long as there is something new. A process
// that forks and ends over and over is always new until it is caught.
func (w *walk) untilTwoLooksAgree() bool {
	if !w.look() {
		return false
	}
	for range mostLook {
		n, sum := w.n, w.sum
		if !w.look() || w.n == n && w.sum == sum {
			break
		}
	}
	return true
}

// look visits every process once. It reports false when it cannot.
func (w *walk) look() bool {
	w.n, w.sum = 0, 0
	if !w.isOwnProc() || !w.children(w.p.Pid, w.p.Pid) {
		return false
	}
	for i := 0; i < w.n; i++ {
		w.threads(int(w.pids[i]))
	}
	return true
}

// isOwnProc reports whether /proc shows the pids of this process's namespace:
// then the process has one pid as seen from there, its own.
func (w *walk) isOwnProc() bool {
	fd, ok := w.open("/proc/self/status")
	if !ok {
		return false
	}
	n := 0
	for n < len(w.text) {
		got, err := sys.Read(fd, w.text[n:])
		if err != 0 || got == 0 {
			break
		}
		n += got
	}
	sys.Close(fd)
	const name = "\nNSpid:\t"
	for i := 0; i+len(name) < n; i++ {
		if string(w.text[i:i+len(name)]) == name {
			pid, end := number(w.text[i+len(name) : n])
			return pid == w.p.Pid && w.text[i+len(name)+end] == '\n'
		}
	}
	return false
}

// number reads digits at the front of b and returns how many there are.
func number(b []byte) (value, digits int) {
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
		value = value*10 + int(b[digits]-'0')
		digits++
	}
	return value, digits
}

// threads visits the children of all threads of a process.
func (w *walk) threads(pid int) {
	at := w.put(0, "/proc/")
	at = w.putNumber(at, pid)
	w.put(at, "/task\x00")
	fd, err := sys.Openat(sys.AT_FDCWD, &w.path[0], sys.O_RDONLY|sys.O_DIRECTORY|sys.O_CLOEXEC, 0)
	if err != 0 {
		return
	}
	for {
		n, err := sys.Getdents(fd, w.tasks)
		if err != 0 || n == 0 {
			break
		}
		for entries := w.tasks[:n]; len(entries) > 0; {
			name, rest, ok := sys.NextDirent(entries)
			if !ok {
				break
			}
			entries = rest
			if tid, digits := number(name); digits > 0 {
				w.children(pid, tid)
			}
		}
	}
	sys.Close(fd)
}

// children visits the children of a thread.
func (w *walk) children(pid, tid int) bool {
	at := w.put(0, "/proc/")
	at = w.putNumber(at, pid)
	at = w.put(at, "/task/")
	at = w.putNumber(at, tid)
	w.put(at, "/children\x00")
	fd, err := sys.Openat(sys.AT_FDCWD, &w.path[0], sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != 0 {
		return false
	}
	child := 0
	for {
		n, err := sys.Read(fd, w.text)
		if err != 0 || n == 0 {
			break
		}
		for _, ch := range w.text[:n] {
			if ch >= '0' && ch <= '9' {
				child = child*10 + int(ch-'0')
			} else if child > 0 {
				w.found(child)
				child = 0
			}
		}
	}
	sys.Close(fd)
	return true
}

// found signals a process and has its children visited later. If there are
// more than there is room for, the next look finds them: killed ones make room.
func (w *walk) found(pid int) {
	c := w.p.ChildByPid(int32(pid))
	if c != nil && w.spare&sparePorts != 0 && c.livesAsPort() {
		return
	}
	if w.n < len(w.pids) {
		w.pids[w.n] = int32(pid)
		w.n++
	}
	w.sum += uint64(pid) * uint64(pid)
	if w.signo == 0 || w.spare&spareAsked != 0 && (c != nil || w.isAsked(pid)) {
		return
	}
	if sys.Kill(pid, w.signo) == 0 && !signal.Halts(w.signo) {
		sys.Kill(pid, sys.SIGCONT)
	}
}

// isAsked reports whether a process is in the group of a child that runs a
// program: the group was signalled as a whole.
func (w *walk) isAsked(pid int) bool {
	group, err := sys.Getpgid(pid)
	if err != 0 {
		return false
	}
	c := w.p.ChildByPid(int32(group))
	return c != nil && !c.livesAsPort()
}

// open opens a file for reading.
func (w *walk) open(path string) (fd int, ok bool) {
	w.put(w.put(0, path), "\x00")
	fd, err := sys.Openat(sys.AT_FDCWD, &w.path[0], sys.O_RDONLY|sys.O_CLOEXEC, 0)
	return fd, err == 0
}

// put writes text into the path at an offset and returns the offset after it.
func (w *walk) put(at int, text string) int { return at + copy(w.path[at:], text) }

// putNumber does so with a decimal number.
func (w *walk) putNumber(at, n int) int {
	end := at + 1
	for rest := n / 10; rest > 0; rest /= 10 {
		end++
	}
	for i := end - 1; i >= at; i-- {
		w.path[i] = byte('0' + n%10)
		n /= 10
	}
	return end
}
