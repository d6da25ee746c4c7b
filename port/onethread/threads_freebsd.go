package onethread

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// Offsets in struct kinfo_proc, and its size, which is also what it says of
// itself.
const (
	kinfoStructsize = 0
	kinfoTid        = 600
	kinfoSize       = 1088
)

// otherThreads lists other threads of the process, as many as fit in tids, by
// sysctl(3): kern.proc.pid has one record for each. What does not fit in memory
// the kernel leaves out, and says ENOMEM.
func (e *entry) otherThreads(tids []int32) ([]int32, error) {
	const atATime = 24
	var records [atATime * kinfoSize]byte
	name := [...]int32{sys.CTL_KERN, sys.KERN_PROC, sys.KERN_PROC_PID | sys.KERN_PROC_INC_THREAD, int32(e.pid)}
	size, err := sys.Sysctl(name[:], records[:], nil)
	if err != 0 && err != sys.ENOMEM || size < kinfoSize {
		return nil, ErrUnlisted
	}
	self, n := sys.ThrSelf(), 0
	for rest := records[:size]; len(rest) >= kinfoSize && n < len(tids); rest = rest[kinfoSize:] {
		if word(rest, kinfoStructsize) != kinfoSize {
			return nil, ErrUnlisted // of another kernel than this is written for
		}
		if tid := word(rest, kinfoTid); int(tid) != self {
			tids[n] = tid
			n++
		}
	}
	return tids[:n], nil
}

// word is the int at an offset, which is aligned to nothing.
func word(b []byte, at int) int32 { return *(*int32)(unsafe.Pointer(&b[at])) }
