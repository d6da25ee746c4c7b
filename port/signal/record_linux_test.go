// SPDX-License-Identifier: ISC

package signal_test

import (
	"encoding/binary"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"github.com/alcove-go/alcove/port/signal"
)

// Where siginfo_t has the pid, before the user, and the value.
const atPid, atValue = 16, 24

const (
	siUser  = 0  // si_code of kill(2)
	siQueue = -1 // si_code of sigqueue(3)
)

// queue is rt_sigqueueinfo(2).
func (p *program) queue(t *testing.T, s syscall.Signal, info [signal.InfoSize]byte) {
	t.Helper()
	binary.NativeEndian.PutUint32(info[8:], uint32(1<<32+siQueue))
	for {
		_, _, err := syscall.RawSyscall(syscall.SYS_RT_SIGQUEUEINFO, uintptr(p.pid), uintptr(s), uintptr(unsafe.Pointer(&info)))
		if err == 0 {
			return
		}
		if err != syscall.EAGAIN { // as many are queued as may be
			t.Fatal(err)
		}
	}
}

// sigqueue is sigqueue(3).
func (p *program) sigqueue(t *testing.T, s syscall.Signal, value uint64) {
	t.Helper()
	var info [signal.InfoSize]byte
	binary.NativeEndian.PutUint32(info[16:], uint32(os.Getpid()))
	binary.NativeEndian.PutUint32(info[20:], uint32(os.Getuid()))
	binary.NativeEndian.PutUint64(info[24:], value)
	p.queue(t, s, info)
}
