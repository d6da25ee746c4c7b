// SPDX-License-Identifier: ISC

package gate

import "strings"

// module is the path of the module's packages.
const module = "github.com/alcove-go/alcove/"

// own reports whether a function is the module's. All that are linked count as
// reached, except main.main, which is for programs that were built by hand.
func own(name string) bool {
	return strings.HasPrefix(name, module) || strings.HasPrefix(name, "main.") && name != "main.main"
}

// leaves are the functions that the program may run although they are not the
// module's: they need registers, memory that they are given, and each other.
var leaves = map[string]bool{
	// System calls.
	"syscall.RawSyscall6":                     true,
	"internal/runtime/syscall.Syscall6":       true, // of Go 1.26 and before
	"internal/runtime/syscall/linux.Syscall6": true,

	// Memory that is moved, cleared or compared.
	"runtime.memmove":              true,
	"runtime.memclrNoHeapPointers": true,
	"runtime.memequal":             true,
	"runtime.memequal_varlen":      true,
	"memeqbody":                    true,
	"runtime.memeqbody":            true,

	// What sync/atomic is made of on arm.
	"armLoad64":      true,
	"armStore64":     true,
	"armCas64":       true,
	"memory_barrier": true,

	// Arithmetic that 32-bit machines have no instruction for.
	"internal/runtime/math.MulUintptr": true,
	"runtime.udiv":                     true,
}

// ends are the functions that are called where an index or a shift is out of
// range, or the stack at its end. Without a runtime they fault.
var ends = map[string]bool{
	"internal/runtime/atomic.panicUnaligned": true,
	"runtime.morestack":                      true,
	"runtime.morestack_noctxt":               true,
	"runtime.panicBounds":                    true,
	"runtime.panicExtend":                    true,
	"runtime.panicdivide":                    true,
	"runtime.panicshift":                     true,
	"runtime.panicunsafeslicelen":            true,
	"runtime.panicunsafeslicenilptr":         true,
	"runtime.panicunsafestringlen":           true,
	"runtime.panicunsafestringnilptr":        true,
}

// barrier reports whether a function is one that compiled code calls only while
// runtime.writeBarrier is set, which nothing sets.
func barrier(name string) bool {
	return strings.HasPrefix(name, "runtime.gcWriteBarrier") || name == "runtime.wbMove" || name == "runtime.wbZero"
}

// leaf reports whether a function is on the list of leaves, or one of a package that has
// nothing but leaves, or compares two arrays.
func leaf(name string) bool {
	for _, prefix := range [...]string{"sync/atomic.", "internal/runtime/atomic.", "math/bits.", "type:.eq."} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return leaves[plain(name)]
}

// plain returns the name of a function whatever the convention is that it is called by.
func plain(name string) string { return strings.TrimSuffix(name, ".abi0") }
