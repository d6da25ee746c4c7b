//go:build 386 || arm

package sys

import "syscall"

// mmap2(2) counts the offset in pages; mmap(2) takes its arguments elsewhere.
const sysMmap = syscall.SYS_MMAP2
