// SPDX-License-Identifier: ISC

package calls

import "unsafe"

// arenaSize is what the greediest calls need. All contents come from a message
// of less than 64 KiB:
//
//   - execve: an empty argument takes a byte there, and a pointer and a NUL
//     here; and 64 KiB are left where the last argument is read;
//   - prctl: four times a buffer of 64 KiB, and as much in blocks that it
//     points to, up to 1023 of them.
//
// Memory that no call touches costs nothing.
const arenaSize = 1 << 20

// An arena holds the arguments of one call in the form that the kernel wants.
// It is outside of the Go stack, so addresses in it stay what they are.
type arena struct {
	buf  []byte
	used int
}

const (
	wordSize   = int(unsafe.Sizeof(uintptr(0)))
	blockAlign = 16 // what malloc(3) promises
)

func (a *arena) reset() { a.used = 0 }

// align makes the next bytes taken start at a multiple of n, a power of two.
func (a *arena) align(n int) { a.used = (a.used + n - 1) &^ (n - 1) }

// take returns n bytes with arbitrary contents.
func (a *arena) take(n int) []byte {
	b := a.buf[a.used : a.used+n : a.used+n]
	a.used += n
	return b
}

// rest returns all bytes not taken yet, as an empty slice to append to. What
// was appended is kept by taking as many bytes.
func (a *arena) rest() []byte { return a.buf[a.used:a.used] }

// zeroed returns n bytes that are zero.
func (a *arena) zeroed(n int) []byte {
	b := a.take(n)
	const page = 4096
	for i := 0; i < n; i += page {
		// Most pages are untouched. Reading them leaves them so, which spares
		// a forked child the copies that it would get by writing.
		if p := b[i:min(i+page, n)]; !zero(p) {
			clear(p)
		}
	}
	return b
}

// zero reports whether all of b is zero: the first byte is, and each other byte
// is equal to the one before it.
func zero(b []byte) bool {
	return len(b) == 0 || b[0] == 0 && string(b[1:]) == string(b[:len(b)-1])
}

// words returns n zero words, in the byte order of the machine.
func (a *arena) words(n int) []uintptr {
	a.align(wordSize)
	b := a.take(n * wordSize)
	clear(b)
	return unsafe.Slice((*uintptr)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// at returns the n bytes at an address, nil if they have not been taken here.
func (a *arena) at(addr uintptr, n int) []byte {
	first := address(a.buf)
	if addr < first || addr-first > uintptr(a.used) || uintptr(a.used)-(addr-first) < uintptr(n) {
		return nil
	}
	at := int(addr - first)
	return a.buf[at : at+n]
}

// ids returns n user or group ids with arbitrary contents.
func (a *arena) ids(n int) []uint32 {
	a.align(wordSize)
	b := a.take(n * 4)
	return unsafe.Slice((*uint32)(unsafe.Pointer(unsafe.SliceData(b))), n)
}

// address returns the address of the first element, for a system call. The
// slice must be of the arena, or stay referenced.
func address[T any](s []T) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(s)))
}
