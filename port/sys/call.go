// SPDX-License-Identifier: ISC

package sys

import (
	"syscall"
	"unsafe"
)

// Errno is an error number of the kernel; 0 means success.
type Errno = syscall.Errno

// ESKIPPED is the error of a system call that tells success without having
// been made. A seccomp filter may have the kernel skip it: the result is then
// whatever was in a register, or what the filter says. No error of the kernel
// has this number.
const ESKIPPED = Errno(4096)

// made returns whether a system call that was to write a has done so: a was set
// to -1 before, which the kernel does not write there.
func made(err Errno, a int32) Errno {
	if err == 0 && a < 0 {
		return ESKIPPED
	}
	return err
}

// Call makes system call nr with three arguments. The arguments are not
// checked. Memory that they point to must be referenced after the call.
//
//go:nosplit
func Call(nr, a, b, c uintptr) (uintptr, Errno) {
	r, _, err := syscall.RawSyscall6(nr, a, b, c, 0, 0, 0)
	return r, err
}

// Call6 is [Call] for system calls with up to six arguments.
//
//go:nosplit
func Call6(nr, a, b, c, d, e, f uintptr) (uintptr, Errno) {
	r, _, err := syscall.RawSyscall6(nr, a, b, c, d, e, f)
	return r, err
}

// Result takes apart what Linux returns from a system call, as [Call] has it: a number, or
// the negative of an error.
func Result(r uintptr) (uintptr, Errno) {
	const lowest = ^uintptr(0) - 4095
	if r >= lowest {
		return ^uintptr(0), Errno(-r)
	}
	return r, 0
}

// ptr returns the argument for a pointer. It is inlined, so that the object on the
// stack that p points to stays in place up to the system call.
func ptr[T any](p *T) uintptr { return uintptr(unsafe.Pointer(p)) }

// buf returns the argument for the memory of a slice, which may be empty.
func buf[T any](s []T) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(s))) }

// CString returns b up to its first NUL.
func CString(b []byte) []byte {
	for i, ch := range b {
		if ch == 0 {
			return b[:i]
		}
	}
	return b
}

// fail drops the result of a system call that only succeeds or fails.
func fail(_ uintptr, err Errno) Errno { return err }

// count returns the result of a system call that returns a number.
func count(r uintptr, err Errno) (int, Errno) { return int(r), err }
