// SPDX-License-Identifier: ISC

// Package gate holds a program that runs without the Go runtime against what
// that takes, whatever the version of Go that built it. It is no API for
// others.
//
// [Calls] reads in the machine code what functions outside of the module the
// program can reach, and compares them with a short list. [Trap] makes a
// program in which nothing else of the Go runtime and its library is left: it
// ends with SIGTRAP where it calls such a function after all. The tests over
// the wire run with that one.
//
// [Read] reads the sources instead, for any system: which system calls a function
// comes to. What FreeBSD allows in capability mode is in a list beside it.
//
// The first two need the symbols of the program, which -ldflags -s would leave out.
package gate
