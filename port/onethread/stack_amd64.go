package onethread

// atSyscall reports whether pc, which is in a program text, is at or behind
// the instruction SYSCALL.
func atSyscall(pc uintptr) bool {
	const syscall = 0x050f
	return load(pc)&0xffff == syscall || load(pc-wordSize)>>48 == syscall
}
