package onethread

// atSyscall reports whether pc, which is in a program text, is at or behind
// the instruction SVC $0.
func atSyscall(pc uintptr) bool {
	const svc = 0xd4000001
	return load(pc)&0xffffffff == svc || load(pc-wordSize)>>32 == svc
}
