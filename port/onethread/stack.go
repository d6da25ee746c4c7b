package onethread

import "unsafe"

const wordSize = unsafe.Sizeof(uintptr(0))

// load reads a word of memory.
func load(addr uintptr) uintptr

// rest is what a thread at rest is.
type rest uint8

const (
	restless rest = iota
	restingSysmon
	restingWorker
)
