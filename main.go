// Command alcove is the port program of the Erlang application alcove: it reads
// frames on standard input, writes frames on standard output, and in between
// forks, confines and executes processes.
//
// It runs without the Go runtime and has to be linked for that, see package
// entry; make does so.
package main

import (
	_ "unsafe" // for the name that package entry calls

	"github.com/alcove-go/alcove/calls"
	"github.com/alcove-go/alcove/port"
)

// program is all that the process works with. It is one variable, so that the
// parts which every call writes are side by side (see port.Memory).
var program struct {
	calls  calls.Calls
	port   port.Memory
	memory calls.Memory
}

// begin is the first function of the program, see package entry.
//
//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
func begin() {
	p := program.port.Start(calls.Version)
	program.calls.Init(p, &program.memory)
	p.Serve(&program.calls)
}

// main is reached in a program that was linked without its entry.
func main() {
	port.Fail("built by hand: make builds it, or make -C c_src_compat")
}
