// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// The kernel jumps here. The stack pointer is where the arguments are.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVW $·first(SB), R0
	MOVW R13, (R0)
	BIC  $(const_page-1), R13
	MOVW $·g(SB), g
	SUB  $const_stackSize, R13, R0
	MOVW R0, goroutine_limit(g)
	MOVW $·program(SB), R7
	MOVW (R7), R7
	MOVW (R7), R0
	BL   (R0)
	WORD $0xe7f001f0       // not reached: an undefined instruction
