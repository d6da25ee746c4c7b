package main

import "syscall"

const (
	auditArch = 0xc00000b7
	sysPoll   = syscall.SYS_PPOLL
)
