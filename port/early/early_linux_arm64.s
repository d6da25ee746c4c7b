#include "textflag.h"

#define SYS_prlimit64 261

// func prlimit(resource int, limit, old *Limit) int
TEXT ·prlimit(SB), NOSPLIT, $0-32
	MOVD $0, R0 // the calling process
	MOVD resource+0(FP), R1
	MOVD limit+8(FP), R2
	MOVD old+16(FP), R3
	MOVD $SYS_prlimit64, R8
	SVC
	MOVD R0, ret+24(FP)
	RET
