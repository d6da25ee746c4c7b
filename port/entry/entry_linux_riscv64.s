// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// The kernel jumps here. The stack pointer is where the arguments are.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOV X2, ·first(SB)
	AND $-const_page, X2
	MOV $·g(SB), g
	MOV $-const_stackSize, X5
	ADD X2, X5
	MOV X5, goroutine_limit(g)
	MOV ·program(SB), X26
	MOV (X26), X5
	JALR X1, X5
	EBREAK                 // not reached
