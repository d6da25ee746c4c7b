package onethread

// hasLinkRegister says whether a call leaves the return address in a register,
// which the function that is called saves at the bottom of its frame.
const hasLinkRegister = true

const instructionStep = 4

// frameMade tells whether code is MOVW.W R14, -size(R13).
func frameMade(code uintptr) (size uintptr, ok bool) {
	return code & 0xfff, code&^0xfff == 0xe52de000
}

// atSyscall reports whether pc, which is in a program text, is at or behind
// the instruction SWI $0.
func atSyscall(pc uintptr) bool {
	const swi = 0xef000000
	return load(pc) == swi || load(pc-4) == swi
}
