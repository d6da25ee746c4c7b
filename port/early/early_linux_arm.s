#include "textflag.h"

#define SYS_prlimit64 369

// func prlimit(resource int, limit, old *Limit) int
TEXT ·prlimit(SB), NOSPLIT, $0-16
	MOVW $0, R0 // the calling process
	MOVW resource+0(FP), R1
	MOVW limit+4(FP), R2
	MOVW old+8(FP), R3
	MOVW $SYS_prlimit64, R7
	SWI  $0
	MOVW R0, ret+12(FP)
	RET
