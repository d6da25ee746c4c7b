// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

const maxPieces = 16

// pieces is what one writev(2) is given.
type pieces [maxPieces]sys.Iovec

func iovec(b []byte) sys.Iovec {
	return sys.Iovec{Base: unsafe.SliceData(b), Len: uintptr(len(b))}
}

func bytesOf(v *sys.Iovec) []byte { return unsafe.Slice(v.Base, v.Len) }

// advance passes over the n bytes written of v[first:last]. It returns the
// first piece that is not written completely, last if there is none.
func (v *pieces) advance(first, last, n int) int {
	for ; first < last && n >= int(v[first].Len); first++ {
		n -= int(v[first].Len)
	}
	if n > 0 {
		v[first] = iovec(bytesOf(&v[first])[n:])
	}
	return first
}
