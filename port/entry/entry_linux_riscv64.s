#include "textflag.h"

// The kernel jumps here. The stack pointer is where the arguments are.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOV X2, ·first(SB)
	MOV $·g(SB), g
	MOV ·program(SB), X26
	MOV (X26), X5
	JALR X1, X5
	EBREAK                 // not reached
