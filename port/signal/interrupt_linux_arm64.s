// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
//
// From its first instruction to the system call it can be left for cancelled at any
// point: the stack is that of the start.
TEXT ·interruptible(SB), NOSPLIT|NOFRAME, $0-64
	MOVD nr+0(FP), R8
	MOVD a+8(FP), R0
	MOVD b+16(FP), R1
	MOVD c+24(FP), R2
	MOVD d+32(FP), R3
	MOVD e+40(FP), R4
	MOVD f+48(FP), R5
	MOVWU ·interrupted(SB), R9
	CBNZ R9, cancel
	SVC
	MOVD R0, r+56(FP)
	RET

cancel:
	B ·cancelled(SB)

// func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
TEXT ·cancelled(SB), NOSPLIT|NOFRAME, $0-64
	MOVD $-const_interruptedCall, R0
	MOVD R0, r+56(FP)
	RET

// func interruptiblePC() uintptr
TEXT ·interruptiblePC(SB), NOSPLIT, $0-8
	MOVD $·interruptible(SB), R0
	MOVD R0, ret+0(FP)
	RET
