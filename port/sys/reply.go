//go:build linux && (amd64 || arm64)

// SPDX-License-Identifier: ISC

package sys

import "unsafe"

// CloneReplying is [Clone], which in the parent writes reply to fd with write(2) as soon as
// there is a child. It does so before it writes to memory that the child shares, where
// each page costs a page fault. The last four bytes of reply become the child's pid, big-endian,
// so reply itself has to be in memory from [WipedOnFork].
//
// sent is how many bytes were written, 0 after an error, which the next write meets again.
// It is below 0 when nothing was tried: without a reply, for a clone in time namespaces, and
// for a pid that fits one byte, which external terms have in another form.
func CloneReplying(flags uintptr, self *int32, fd int, reply []byte) (pid, sent int, err Errno) {
	if len(reply) == 0 || flags&CLONE_NEWTIME != 0 {
		pid, err = Clone(flags, self)
		return pid, -1, err
	}
	*self = -1
	r, w := cloneReplying(forkFlags(flags), self, uintptr(fd), &reply[0], uintptr(len(reply)))
	pid, err = count(Result(r))
	if err != 0 || pid == 0 {
		return pid, -1, made(err, *self)
	}
	if pid <= 0xff {
		return pid, -1, 0
	}
	sent, _ = count(Result(w))
	return pid, max(sent, 0), 0
}

// cloneReplying makes both system calls, and returns what they returned.
//
//go:noescape
func cloneReplying(flags uintptr, self *int32, fd uintptr, reply *byte, n uintptr) (pid, sent uintptr)

// WipedOnFork returns memory for size bytes that a forked child has zeros in, so that it is
// never shared: mmap(2), and madvise(2) with MADV_WIPEONFORK of Linux 4.14. It returns nil
// if the kernel gives none.
func WipedOnFork(size int) []byte {
	p, err := mapAnonymous(uintptr(size))
	if err != 0 || fail(Call(SYS_MADVISE, uintptr(p), uintptr(size), MADV_WIPEONFORK)) != 0 {
		return nil
	}
	return unsafe.Slice((*byte)(p), size)
}
