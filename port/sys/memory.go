// SPDX-License-Identifier: ISC

package sys

import "unsafe"

// Grow returns s with room for n elements in all, in memory of the kernel's if
// s has too little. It reports false, and returns s as it is, when the kernel
// gives none. The memory is zero, and is never given back.
func Grow[T any](s []T, n int) ([]T, bool) {
	if n <= cap(s) {
		return s, true
	}
	n = max(n, 2*cap(s))
	var t T
	p, err := mapAnonymous(uintptr(n) * unsafe.Sizeof(t))
	if err != 0 {
		return s, false
	}
	return move(unsafe.Slice((*T)(p), n), s), true
}

// GrowInto is [Grow], which takes room for that if it has enough. What is in room
// may be anything then.
func GrowInto[T any](room, s []T, n int) ([]T, bool) {
	if cap(s) < n && n <= len(room) {
		return move(room, s), true
	}
	return Grow(s, n)
}

// move returns the elements of s in other memory, which has room for them. They are moved
// as bytes: for what has pointers, copy calls more than a move of memory.
func move[T any](to, s []T) []T {
	size := len(s) * int(unsafe.Sizeof(s[0]))
	copy(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(to))), size),
		unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), size))
	return to[:len(s)]
}

// mapAnonymous is mmap(2) for memory that nothing else has.
func mapAnonymous(size uintptr) (unsafe.Pointer, Errno) {
	addr, err := Call6(sysMmap, 0, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, ^uintptr(0), 0)
	if err != 0 {
		return nil, err
	}
	// The conversion says that it is a pointer from outside of the Go heap.
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr)), 0
}
