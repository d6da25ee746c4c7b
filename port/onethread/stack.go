package onethread

import "unsafe"

const wordSize = unsafe.Sizeof(uintptr(0))

// load reads a word of memory, which may be no variable of Go.
//
//go:norace
func load(addr uintptr) uintptr { return **(**uintptr)(unsafe.Pointer(&addr)) }

// rest is what a thread at rest is.
type rest uint8

const (
	restless rest = iota
	restingSysmon
	restingWorker
)
