// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVL $const_SYS_RT_SIGRETURN, AX
	SYSCALL
	INT  $3                // not reached

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-8
	LEAQ ·restorer(SB), AX
	MOVQ AX, ret+0(FP)
	RET
