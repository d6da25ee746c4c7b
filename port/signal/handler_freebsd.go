// SPDX-License-Identifier: ISC

package signal

import (
	"sync/atomic"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// Max is the highest signal number. Those from 34 to 64 are not used by
// anybody, the following ones are real-time signals.
const Max = 128

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 80

// infoAddress is where a siginfo_t has the address of a fault.
const infoAddress = 24

// Sender returns which process has sent a signal, and whether any has.
func Sender(info []byte) (pid int, sent bool) {
	const code, from = 8, 12
	const user, queue, lwp = 0x10001, 0x10002, 0x10007 // SI_USER and its relatives
	switch word(info, code) {
	case user, queue, lwp:
		return int(word(info, from)), true
	}
	return 0, false
}

func word(info []byte, at uintptr) int32 { return *(*int32)(unsafe.Pointer(&info[at])) }

// pendingSet returns the signals with a kept record.
func pendingSet() sys.Sigset {
	return sys.Sigset{atomic.LoadUint64(&pending[0]), atomic.LoadUint64(&pending[1])}
}
