package sys

// Numbers that are the same on every architecture and newer than those of
// package syscall.
const (
	sysClone3     = 435
	sysCloseRange = 436
)
