// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// adoptOrphans makes programs whose parents are gone children of this process.
func adoptOrphans() error {
	const self, acquire = 0, 2 // P_PID and PROC_REAP_ACQUIRE
	if _, _, err := unix.Syscall6(unix.SYS_PROCCTL, self, 0, acquire, 0, 0, 0); err != 0 {
		return fmt.Errorf("procctl(PROC_REAP_ACQUIRE): %w", err)
	}
	return nil
}

// defaultSignals has nothing to undo here.
func defaultSignals() {}
