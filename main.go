// SPDX-License-Identifier: ISC

// Command alcove is the port program of the Erlang application alcove: it reads
// frames on standard input, writes frames on standard output, and in between
// forks, confines and executes processes.
//
// It runs without the Go runtime and has to be linked for that, see package
// entry; make does so.
package main

import (
	"unsafe"

	"github.com/alcove-go/alcove/calls"
	"github.com/alcove-go/alcove/port"
)

// program is all that the process works with. It is in one piece, so that the parts
// which every call writes are side by side (see port.Memory).
type program struct {
	calls  calls.Calls
	port   port.Memory
	memory calls.Memory
	spare  [1]port.Spare
}

// room is where the program is, from the beginning of a page on: these parts are in
// the first one.
var room [unsafe.Sizeof(program{}) + page]byte

const page = 4096

// begin runs the program. Package entry calls it first.
//
//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
func begin() {
	before := -uintptr(unsafe.Pointer(&room)) % page
	m := (*program)(unsafe.Pointer(&room[before]))
	p := m.port.Start(m.spare[:], calls.Version, calls.About)
	m.calls.Init(p, &m.memory)
	p.Serve(&m.calls)
}

// main fails: a program that reaches it was linked without its entry.
func main() {
	port.Fail("built by hand: make builds it, or make -C c_src_compat")
}
