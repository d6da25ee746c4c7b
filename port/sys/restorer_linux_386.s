// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVL $const_SYS_RT_SIGRETURN, AX
	INT  $0x80
	INT  $3                // not reached

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-4
	LEAL ·restorer(SB), AX
	MOVL AX, ret+0(FP)
	RET
