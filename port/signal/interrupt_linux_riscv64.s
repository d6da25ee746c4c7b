// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
//
// From its first instruction to the system call it can be left for cancelled at any
// point: the stack is that of the start.
TEXT ·interruptible(SB), NOSPLIT|NOFRAME, $0-64
	MOV  nr+0(FP), A7
	MOV  a+8(FP), A0
	MOV  b+16(FP), A1
	MOV  c+24(FP), A2
	MOV  d+32(FP), A3
	MOV  e+40(FP), A4
	MOV  f+48(FP), A5
	MOVWU ·interrupted(SB), T0
	BNEZ T0, cancel
	ECALL
	MOV  A0, r+56(FP)
	RET

cancel:
	JMP ·cancelled(SB)

// func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
TEXT ·cancelled(SB), NOSPLIT|NOFRAME, $0-64
	MOV  $-const_interruptedCall, A0
	MOV  A0, r+56(FP)
	RET

// func interruptiblePC() uintptr
TEXT ·interruptiblePC(SB), NOSPLIT, $0-8
	MOV $·interruptible(SB), A0
	MOV A0, ret+0(FP)
	RET
