#include "textflag.h"

// func rlimit(call, resource int, limit *Limit) int
//
// The kernel returns 0, or sets the carry flag and returns an error number.
TEXT ·rlimit(SB), NOSPLIT, $0-32
	MOVQ call+0(FP), AX
	MOVQ resource+8(FP), DI
	MOVQ limit+16(FP), SI
	SYSCALL
	MOVQ AX, ret+24(FP)
	RET
