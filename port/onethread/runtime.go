package onethread

import (
	"math"
	_ "unsafe" // for go:linkname
)

// What is used of the Go runtime beyond its exported interface. The runtime
// keeps all of these names for other packages, those of runtime/debug by
// exporting them under that name.

//go:linkname procPin runtime.procPin
func procPin() int

//go:linkname procUnpin runtime.procUnpin
func procUnpin()

// Importing runtime/debug would bring in fmt and os.
//
//go:linkname setGCPercent runtime/debug.setGCPercent
func setGCPercent(percent int32) int32

//go:linkname setMemoryLimit runtime/debug.setMemoryLimit
func setMemoryLimit(limit int64) int64

// noMemoryLimit overrules GOMEMLIMIT in the environment, which makes the
// collector run even when it is off otherwise.
const noMemoryLimit = math.MaxInt64

// growStack makes the stack of the goroutine so large that it never has to
// grow again. It touches none of the new memory.
func growStack()
