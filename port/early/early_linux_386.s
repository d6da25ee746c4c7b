#include "textflag.h"

#define SYS_prlimit64 340

// func prlimit(resource int, limit, old *Limit) int
TEXT ·prlimit(SB), NOSPLIT, $0-16
	MOVL $0, BX // the calling process
	MOVL resource+0(FP), CX
	MOVL limit+4(FP), DX
	MOVL old+8(FP), SI
	MOVL $SYS_prlimit64, AX
	INT  $0x80
	MOVL AX, ret+12(FP)
	RET
