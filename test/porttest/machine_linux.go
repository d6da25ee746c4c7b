// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes programs whose parents are gone children of this process.
func adoptOrphans() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", err)
	}
	return nil
}

// defaultSignals undoes what make(1) hands down: the C library's posix_spawn(3) has programs ignore
// the two signals that it keeps for itself, and these tests look at what is ignored.
func defaultSignals() {
	var none [4]uintptr // struct sigaction: SIG_DFL
	for signo := uintptr(32); signo <= 33; signo++ {
		unix.RawSyscall6(unix.SYS_RT_SIGACTION, signo, uintptr(unsafe.Pointer(&none)), 0, 8, 0, 0)
	}
}
