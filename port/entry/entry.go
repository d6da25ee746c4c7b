// SPDX-License-Identifier: ISC

package entry

import "unsafe"

// begin runs the program. It is called once, with no argument, on the stack that
// the kernel gave, and does not return. The program defines it, see the
// package's comment.
func begin()

// program is how the assembly reaches begin: a function value, whose code has
// the convention that the compiler uses between Go functions.
var program = begin

// g is what the code of every function takes for its goroutine.
var g goroutine

// A goroutine begins as the compiler knows it. A function that would go below limit
// asks the Go runtime for more stack, which faults: there is none.
type goroutine struct {
	low, high, limit uintptr
	_                [125]uintptr
}

// stackSize is how much stack the program may use. The tests measure less than
// half of it. With a signal's frame, arguments and environment it has to find room
// in the smallest stacks that a user limits it to.
const stackSize = 24 << 10

// page is what the stack begins at: what every call writes of it is in one page, so
// a forked child has a copy of one.
const page = 4 << 10

// first is where the kernel put the number of arguments. Behind it are their
// addresses and nil, and then those of the environment and nil.
var first unsafe.Pointer

const wordSize = unsafe.Sizeof(uintptr(0))

// Strings are strings that the kernel gave to the program: the address of each,
// with a NUL at its end.
type Strings []*byte

// At returns a string, without a copy and without its NUL.
func (s Strings) At(i int) string { return Text(s[i]) }

// Text returns the string that begins at s and ends before a NUL, without a copy.
func Text(s *byte) string {
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(s), n)) != 0 {
		n++
	}
	return unsafe.String(s, n)
}

// Arguments returns the arguments of the program, in memory that is its own.
func Arguments() Strings {
	return unsafe.Slice((**byte)(unsafe.Add(first, wordSize)), *(*int)(first))
}

// Environment returns the environment of the program, as it was given, in
// memory that is its own.
func Environment() Strings {
	from := (**byte)(unsafe.Add(first, (*(*uintptr)(first)+2)*wordSize))
	n := uintptr(0)
	for *(**byte)(unsafe.Add(unsafe.Pointer(from), n*wordSize)) != nil {
		n++
	}
	return unsafe.Slice(from, n)
}
