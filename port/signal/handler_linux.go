// SPDX-License-Identifier: ISC

package signal

import (
	"sync/atomic"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// Max is the highest signal number.
const Max = 64

// InfoSize is the size of a siginfo_t in bytes.
const InfoSize = 128

// infoAddress is where a siginfo_t has the address of a fault.
const infoAddress = 8 + max(4, unsafe.Sizeof(uintptr(0)))

// Sender returns which process has sent a signal, and whether any has. The pid is 0 if
// this process cannot see it. Who writes to a broken pipe sends SIGPIPE itself.
func Sender(info []byte) (pid int, sent bool) {
	const code, from = 8, infoAddress
	return int(word(info, from)), word(info, code) <= 0
}

func word(info []byte, at uintptr) int32 { return *(*int32)(unsafe.Pointer(&info[at])) }

// pendingSet returns the signals with a kept record.
func pendingSet() sys.Sigset { return atomic.LoadUint64(&pending[0]) }
