//go:build !linux || (!amd64 && !arm64)

// SPDX-License-Identifier: ISC

package sys

// CloneReplying is [Clone]. It writes no reply, and sent is below 0.
func CloneReplying(flags uintptr, self *int32, _ int, _ []byte) (pid, sent int, err Errno) {
	pid, err = Clone(flags, self)
	return pid, -1, err
}

// WipedOnFork returns nil: only a reply needs such memory.
func WipedOnFork(int) []byte { return nil }
