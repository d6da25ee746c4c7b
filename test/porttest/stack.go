// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"os"
	"strings"
)

// MostStack is how much of its stack any process of the tests may have used. The program's own
// limit, at which it ends, is twice that (stackSize in port/entry).
const MostStack = 12 << 10

// StackUsed returns how many bytes of its stack a process has used, 0 when it is gone. Below what
// was used the stack is zero. Frames of signals count, which are as large as the registers of the
// processor.
func StackUsed(pid int) int {
	top, bottom := stackOf(pid)
	mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
	if err != nil || top <= bottom {
		return 0
	}
	defer mem.Close()
	b := make([]byte, top-bottom)
	if n, _ := mem.ReadAt(b, int64(bottom)); n != len(b) {
		return 0
	}
	for i, v := range b {
		if v != 0 {
			return len(b) - i
		}
	}
	return 0
}

// measureStack keeps the most that a process has used which runs the program under test.
func measureStack(pid int) {
	if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe != run.program {
		return
	}
	used := int64(StackUsed(pid))
	for most := run.stack.Load(); used > most && !run.stack.CompareAndSwap(most, used); most = run.stack.Load() {
	}
}

// stackOf returns where the stack of a process began, at the beginning of a page below what the
// kernel put there, and where its memory ends.
func stackOf(pid int) (top, bottom uint64) {
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if _, after, ok := strings.Cut(string(stat), ") "); ok {
		fmt.Sscan(strings.Fields(after)[25], &top)
	}
	maps, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	for line := range strings.Lines(string(maps)) {
		if strings.HasSuffix(line, "[stack]\n") {
			fmt.Sscanf(line, "%x-", &bottom)
		}
	}
	return top &^ 0xfff, bottom
}
