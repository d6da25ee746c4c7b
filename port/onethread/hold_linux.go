package onethread

import "github.com/alcove-go/alcove/port/sys"

// holdSignal brings a thread into the handler. The runtime neither uses it nor
// lets a thread block it, whatever was blocked when the process was started. In
// other programs it belongs to the C library, which lets nobody send it. SIGURG
// would not do: sysmon sends it to the first thread.
const holdSignal = 32

// For the handler, which is in assembly.
const (
	sysExit   = sys.SYS_EXIT
	sysFutex  = sys.SYS_FUTEX
	sysGettid = sys.SYS_GETTID

	futexWait = sys.FUTEX_WAIT | sys.FUTEX_PRIVATE_FLAG
	futexWake = sys.FUTEX_WAKE | sys.FUTEX_PRIVATE_FLAG
)

// send signals a thread of the process. With signal 0 it only tells whether
// there is such a thread.
func (e *entry) send(tid, signo int) sys.Errno { return sys.Tgkill(e.pid, tid, signo) }

// onFirst reports whether the calling thread is the first of the process.
func (e *entry) onFirst() bool { return sys.Gettid() == e.pid }
