// SPDX-License-Identifier: ISC

package sys

import "unsafe"

// direntSize is where a directory entry has its size, in 16 bits, on both systems.
const direntSize = 16

// NextDirent returns the name of the first of the directory entries that Getdents gave,
// and the entries after it. The name is nil if the entry stands for no file. It reports
// false for what the kernel cannot have written.
func NextDirent(entries []byte) (name, rest []byte, ok bool) {
	if len(entries) < DirentName {
		return nil, nil, false
	}
	size := int(*(*uint16)(unsafe.Pointer(&entries[direntSize])))
	if size <= DirentName || size > len(entries) {
		return nil, nil, false
	}
	if isDirent(entries) {
		name = CString(entries[DirentName:size])
	}
	return name, entries[size:], true
}
