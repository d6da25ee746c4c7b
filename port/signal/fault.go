// SPDX-License-Identifier: ISC

package signal

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

// TellFaults makes a fault be told on descriptor 2 from now on, in one line such as
// "alcove: signal 11, address 0x0, at 0x46dac2". It takes poll(2), which the loop needs
// in any case: nothing is told where writing would have to wait.
func TellFaults() { tellFaults = true }

// The handler leaves the siginfo and the context of a fault in the next two, and where it
// returns to in the third.
var (
	faultInfo, faultContext unsafe.Pointer
	faultReturn             uintptr

	tellFaults bool
)

// tell says what happened. The handler calls it after a fault, which will end the process: whatever
// it was, as little as possible is relied on.
//
//go:nosplit
func tell() {
	if !tellFaults {
		return
	}
	const stderr = 2
	fds := [1]sys.PollFD{{FD: stderr, Events: sys.POLLOUT}}
	if n, err := sys.Poll(fds[:], 0); err != 0 || n != 1 || fds[0].Revents != sys.POLLOUT {
		return
	}
	l := line{}
	l.text("alcove: signal ")
	l.number(uintptr(*(*int32)(faultInfo)), 10)
	l.text(", address 0x")
	l.number(*(*uintptr)(unsafe.Add(faultInfo, infoAddress)), 16)
	l.text(", at 0x")
	l.number(*(*uintptr)(unsafe.Add(faultContext, contextPC)), 16)
	l.text("\n")
	sys.Write(stderr, l.b[:l.n])
}

type line struct {
	b [80]byte // enough for three numbers
	n int
}

//go:nosplit
func (l *line) text(s string) { l.n += copy(l.b[l.n:], s) }

//go:nosplit
func (l *line) number(v, base uintptr) {
	digits := 1
	for rest := v / base; rest != 0; rest /= base {
		digits++
	}
	l.n += digits
	for i := l.n - 1; digits > 0; digits-- {
		l.b[i] = "0123456789abcdef"[v%base]
		v /= base
		i--
	}
}
