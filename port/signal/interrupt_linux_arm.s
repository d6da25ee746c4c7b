// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
//
// From its first instruction to the system call it can be left for cancelled at any
// point: the stack is that of the start.
TEXT ·interruptible(SB), NOSPLIT|NOFRAME, $0-32
	MOVW nr+0(FP), R7
	MOVW a+4(FP), R0
	MOVW b+8(FP), R1
	MOVW c+12(FP), R2
	MOVW d+16(FP), R3
	MOVW e+20(FP), R4
	MOVW f+24(FP), R5
	MOVW ·interrupted(SB), R8
	CMP  $0, R8
	BNE  cancel
	SWI  $0
	MOVW R0, r+28(FP)
	RET

cancel:
	B ·cancelled(SB)

// func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
TEXT ·cancelled(SB), NOSPLIT|NOFRAME, $0-32
	MOVW $-const_interruptedCall, R0
	MOVW R0, r+28(FP)
	RET

// func interruptiblePC() uintptr
TEXT ·interruptiblePC(SB), NOSPLIT, $0-4
	MOVW $·interruptible(SB), R0
	MOVW R0, ret+0(FP)
	RET
