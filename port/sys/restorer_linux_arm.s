// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVW $const_SYS_RT_SIGRETURN, R7
	SWI  $0
	WORD $0xe7f001f0       // not reached: an undefined instruction

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-4
	MOVW $·restorer(SB), R0
	MOVW R0, ret+0(FP)
	RET
