package onethread

// behindSyscall reports whether the instruction before pc, which is in a
// program text, is SVC $0.
func behindSyscall(pc uintptr) bool { return load(pc-8)>>32 == 0xd4000001 }
