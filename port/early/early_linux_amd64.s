#include "textflag.h"

#define SYS_prlimit64 302

// func prlimit(resource int, limit, old *Limit) int
TEXT ·prlimit(SB), NOSPLIT, $0-32
	MOVL $0, DI // the calling process
	MOVQ resource+0(FP), SI
	MOVQ limit+8(FP), DX
	MOVQ old+16(FP), R10
	MOVL $SYS_prlimit64, AX
	SYSCALL
	MOVQ AX, ret+24(FP)
	RET
