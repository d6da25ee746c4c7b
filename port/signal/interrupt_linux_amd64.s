// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
//
// From its first instruction to the system call it can be left for cancelled at any
// point: the stack is that of the start.
TEXT ·interruptible(SB), NOSPLIT|NOFRAME, $0-64
	MOVQ nr+0(FP), AX
	MOVQ a+8(FP), DI
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	MOVQ d+32(FP), R10
	MOVQ e+40(FP), R8
	MOVQ f+48(FP), R9
	CMPL ·interrupted(SB), $0
	JNE  cancel
	SYSCALL
	MOVQ AX, r+56(FP)
	RET

cancel:
	JMP ·cancelled(SB)

// func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
TEXT ·cancelled(SB), NOSPLIT|NOFRAME, $0-64
	MOVQ $-const_interruptedCall, AX
	MOVQ AX, r+56(FP)
	RET

// func interruptiblePC() uintptr
TEXT ·interruptiblePC(SB), NOSPLIT, $0-8
	LEAQ ·interruptible(SB), AX
	MOVQ AX, ret+0(FP)
	RET
