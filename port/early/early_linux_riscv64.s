#include "textflag.h"

#define SYS_prlimit64 261

// func prlimit(resource int, limit, old *Limit) int
TEXT ·prlimit(SB), NOSPLIT, $0-32
	MOV ZERO, A0 // the calling process
	MOV resource+0(FP), A1
	MOV limit+8(FP), A2
	MOV old+16(FP), A3
	MOV $SYS_prlimit64, A7
	ECALL
	MOV A0, ret+24(FP)
	RET
