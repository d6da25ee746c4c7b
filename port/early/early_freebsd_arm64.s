#include "textflag.h"

// func rlimit(call, resource int, limit *Limit) int
//
// The kernel returns 0, or sets the carry flag and returns an error number.
TEXT ·rlimit(SB), NOSPLIT, $0-32
	MOVD call+0(FP), R8
	MOVD resource+8(FP), R0
	MOVD limit+16(FP), R1
	SVC
	MOVD R0, ret+24(FP)
	RET
