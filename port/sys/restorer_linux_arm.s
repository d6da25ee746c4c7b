#include "textflag.h"

#define SYS_rt_sigreturn 173

TEXT ·restorer(SB), NOSPLIT|NOFRAME, $0
	MOVW $SYS_rt_sigreturn, R7
	SWI  $0
	WORD $0xe7f001f0       // not reached: an undefined instruction

// func restorerPC() uintptr
TEXT ·restorerPC(SB), NOSPLIT, $0-4
	MOVW $·restorer(SB), R0
	MOVW R0, ret+0(FP)
	RET
