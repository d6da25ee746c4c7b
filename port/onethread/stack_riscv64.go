package onethread

// hasLinkRegister says whether a call leaves the return address in a register,
// which the function that is called saves at the bottom of its frame.
const hasLinkRegister = true

const instructionStep = 2

// frameMade tells whether code is MOV X1, -size(X2), which comes before the
// stack pointer changes.
func frameMade(code uintptr) (size uintptr, ok bool) {
	const offset = 0x7f<<25 | 0x1f<<7
	code &= 1<<32 - 1
	return -uintptr(int32(code)>>25<<5 | int32(code>>7&0x1f)), code&^offset == 0x00113023 && code>>31 == 1
}

// atSyscall reports whether pc, which is in a program text, is at or behind
// the instruction ECALL.
func atSyscall(pc uintptr) bool {
	const ecall = 0x73
	return load(pc)&0xffffffff == ecall || load(pc-4)&0xffffffff == ecall
}
