package onethread

import "github.com/alcove-go/alcove/port/sys"

// holdSignal is SIGPROF. No thread of a Go program blocks it, whatever was
// blocked when the process was started, and nobody but a profiler sends it. One
// that comes from elsewhere passes through the handler as it would through the
// runtime's, without an effect.
const holdSignal = 27

// For the handler, which is in assembly.
const (
	sysThrExit = sys.SYS_THR_EXIT
	sysThrSelf = sys.SYS_THR_SELF
	sysUmtxOp  = sys.SYS__UMTX_OP

	umtxWait = sys.UMTX_OP_WAIT_UINT_PRIVATE
	umtxWake = sys.UMTX_OP_WAKE_PRIVATE
)

// send signals a thread of the process. With signal 0 it only tells whether
// there is such a thread.
func (e *entry) send(tid, signo int) sys.Errno { return sys.ThrKill(tid, signo) }

// onFirst has nothing to say: all threads of a process are equal here.
func (e *entry) onFirst() bool { return true }
