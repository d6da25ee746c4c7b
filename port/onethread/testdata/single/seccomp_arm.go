package main

import "syscall"

const (
	auditArch = 0x40000028
	sysPoll   = syscall.SYS_POLL
)
