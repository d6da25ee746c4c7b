// SPDX-License-Identifier: ISC

// Package entry starts a Go program without the Go runtime. So the process has
// one thread from its first instruction and can fork(2) without exec(2), as a
// C program does. The design page tells the whole story. The package is no API
// for others.
//
// The linker makes start, in assembly, the first code of the program:
//
//	go build -ldflags '-E github.com/alcove-go/alcove/port/entry.start'
//
// It keeps the stack pointer, points the register in which the compiler expects
// a goroutine at a static one, and calls the program, which names its first
// function so:
//
//	//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
//	func begin() { ... }
//
// No package is initialised: variables have what the linker can write into the
// program. What follows must not need the allocator, the scheduler, defer or
// panic. A program that was linked without the flag starts the runtime and
// runs main.main, which should say so.
package entry
