package sys

import "syscall"

// WaitStatus is what wait4(2) tells of a child.
type WaitStatus = syscall.WaitStatus
