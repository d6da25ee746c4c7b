#include "textflag.h"

#define SYS_rt_sigreturn 173

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVL $SYS_rt_sigreturn, AX
	INT  $0x80
	INT  $3                // not reached

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-4
	LEAL ·restorer(SB), AX
	MOVL AX, ret+0(FP)
	RET
