package onethread

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// maxTid is the highest thread id that Linux gives out.
const maxTid = 4 << 20

// otherThreads lists other threads of the process, as many as fit in tids.
func (e *entry) otherThreads(tids []int32) ([]int32, error) {
	if n, ok := e.listThreads(tids); ok {
		return tids[:n], nil
	}
	return tids[:e.probeThreads(tids)], nil
}

const taskDir = "/proc/self/task\x00"

// listThreads reads /proc/self/task. It reports false where /proc is not
// mounted, or is that of another pid namespace and has other numbers.
func (e *entry) listThreads(tids []int32) (n int, ok bool) {
	dir, err := sys.Openat(sys.AT_FDCWD, unsafe.StringData(taskDir), sys.O_RDONLY|sys.O_DIRECTORY|sys.O_CLOEXEC, 0)
	if err != 0 {
		return 0, false
	}
	defer sys.Close(dir)
	for {
		// A pending signal makes the kernel stop after any entry, so that only
		// an empty answer is the end.
		var entries [4096]byte
		size, err := sys.Getdents64(dir, entries[:])
		if err != 0 || size == 0 {
			return n, ok && err == 0
		}
		for rest := entries[:size]; len(rest) > 0; {
			var name []byte
			name, rest = sys.NextDirent(rest)
			switch tid := number(name); {
			case tid == 0: // . and ..
			case tid == e.pid:
				ok = true
			case n < len(tids):
				tids[n] = int32(tid)
				n++
			}
		}
	}
}

// number is the value of a decimal number, 0 if s is none.
func number(s []byte) (n int) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0
		}
		n = n*10 + int(c-'0')
	}
	return n
}

// probeThreads asks for one number after the other whether it is a thread of
// this process, until it has found those that the runtime knows of. Threads
// have numbers soon after that of the process, unless the numbers have started
// again from the beginning.
func (e *entry) probeThreads(tids []int32) (n int) {
	want := min(e.known(), len(tids))
	for i := 1; n < want && i < maxTid; i++ {
		tid := (e.pid + i) % maxTid
		if tid != 0 && e.alive(tid) {
			tids[n] = int32(tid)
			n++
		}
	}
	return n
}
