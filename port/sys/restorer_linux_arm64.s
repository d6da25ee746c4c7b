// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVD $const_SYS_RT_SIGRETURN, R8
	SVC
	BRK                    // not reached

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-8
	MOVD $·restorer(SB), R0
	MOVD R0, ret+0(FP)
	RET
