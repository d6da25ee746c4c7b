//go:build 386 || amd64

// SPDX-License-Identifier: ISC

package entry

// storage is where code of these machines finds g: the word before the address
// that the thread's segment register has. The word at that address is for 386.
var storage [2]uintptr
