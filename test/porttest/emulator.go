// SPDX-License-Identifier: ISC

package porttest

import (
	"os/exec"
	"testing"
)

// Emulator returns the path of the emulator that runs programs of another machine, named as qemu
// names machines. Before qemu 11 only those with a suffix are static, as the tests need them: they
// execute each other's programs.
func Emulator(t testing.TB, machine string) string {
	t.Helper()
	if path, err := exec.LookPath("qemu-" + machine + "-static"); err == nil {
		return path
	}
	return Tool(t, "qemu-"+machine)
}
