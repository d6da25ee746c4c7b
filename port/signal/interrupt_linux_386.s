// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func interruptible(nr, a, b, c, d, e, f uintptr) (r uintptr)
//
// From its first instruction to the system call it can be left for cancelled at any
// point: the stack is that of the start.
TEXT ·interruptible(SB), NOSPLIT|NOFRAME, $0-32
	MOVL nr+0(FP), AX
	MOVL a+4(FP), BX
	MOVL b+8(FP), CX
	MOVL c+12(FP), DX
	MOVL d+16(FP), SI
	MOVL e+20(FP), DI
	MOVL f+24(FP), BP
	CMPL ·interrupted(SB), $0
	JNE  cancel
	INT  $0x80
	MOVL AX, r+28(FP)
	RET

cancel:
	JMP ·cancelled(SB)

// func cancelled(nr, a, b, c, d, e, f uintptr) (r uintptr)
TEXT ·cancelled(SB), NOSPLIT|NOFRAME, $0-32
	MOVL $-const_interruptedCall, AX
	MOVL AX, r+28(FP)
	RET

// func interruptiblePC() uintptr
TEXT ·interruptiblePC(SB), NOSPLIT, $0-4
	LEAL ·interruptible(SB), AX
	MOVL AX, ret+0(FP)
	RET
