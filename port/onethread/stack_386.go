package onethread

// hasLinkRegister says whether a call leaves the return address in a register,
// which the function that is called saves at the bottom of its frame.
const hasLinkRegister = false

const instructionStep = 1

// frameMade tells whether code is SUBL $size, SP.
func frameMade(code uintptr) (size uintptr, ok bool) {
	return code >> 16 & 0x7f, code&0x80ffff == 0x00ec83
}

// atSyscall reports whether pc, which is in a program text, is at or behind
// the instruction INT $0x80. The kernel returns there from the faster
// instructions, too.
func atSyscall(pc uintptr) bool {
	const interrupt = 0x80cd
	return load(pc)&0xffff == interrupt || load(pc-2)&0xffff == interrupt
}
