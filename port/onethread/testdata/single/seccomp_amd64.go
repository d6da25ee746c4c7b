package main

import "syscall"

const (
	auditArch = 0xc000003e
	sysPoll   = syscall.SYS_POLL
)
