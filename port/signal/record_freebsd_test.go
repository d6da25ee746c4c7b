// SPDX-License-Identifier: ISC

package signal_test

import (
	"encoding/binary"
	"syscall"
	"testing"

	"github.com/alcove-go/alcove/port/signal"
)

// Where siginfo_t has the pid, before the user, and the value.
const atPid, atValue = 12, 32

const (
	siUser  = 0x10001 // si_code of kill(2)
	siQueue = 0x10002 // si_code of sigqueue(2)
)

// sigqueue is sigqueue(2).
func (p *program) sigqueue(t *testing.T, s syscall.Signal, value uint64) {
	t.Helper()
	const nr = 456
	for {
		_, _, err := syscall.RawSyscall(nr, uintptr(p.pid), uintptr(s), uintptr(value))
		if err == 0 {
			return
		}
		if err != syscall.EAGAIN { // as many are queued as may be
			t.Fatal(err)
		}
	}
}

// queue sends a record. Only its value can be chosen here.
func (p *program) queue(t *testing.T, s syscall.Signal, info [signal.InfoSize]byte) {
	t.Helper()
	p.sigqueue(t, s, binary.NativeEndian.Uint64(info[atValue:]))
}
