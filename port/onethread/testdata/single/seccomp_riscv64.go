package main

import "syscall"

const (
	auditArch = 0xc00000f3
	sysPoll   = syscall.SYS_PPOLL
)
