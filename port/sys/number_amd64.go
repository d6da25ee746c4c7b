package sys

import "syscall"

const (
	sysExecveat    = 322 // newer than the frozen table of package syscall
	sysFcntl       = syscall.SYS_FCNTL
	sysFstat       = syscall.SYS_FSTAT
	sysGetsockname = syscall.SYS_GETSOCKNAME
	sysGetsockopt  = syscall.SYS_GETSOCKOPT
	sysSetrlimit   = syscall.SYS_SETRLIMIT
	sysSetsockopt  = syscall.SYS_SETSOCKOPT
	sysShutdown    = syscall.SYS_SHUTDOWN
	sysSocketpair  = syscall.SYS_SOCKETPAIR
)
