package main

import "syscall"

const (
	auditArch = 0x40000003
	sysPoll   = syscall.SYS_POLL
)
