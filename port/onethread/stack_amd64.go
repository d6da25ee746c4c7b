package onethread

// behindSyscall reports whether the instruction before pc, which is in a
// program text, is SYSCALL.
func behindSyscall(pc uintptr) bool { return load(pc-8)>>48 == 0x050f }
