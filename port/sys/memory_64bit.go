//go:build amd64 || arm64 || riscv64

package sys

import "syscall"

const sysMmap = syscall.SYS_MMAP
