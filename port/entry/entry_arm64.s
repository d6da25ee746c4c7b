// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// The kernel jumps here. On Linux the stack pointer is where the arguments are,
// on FreeBSD the first argument register. The stack begins at a page, as on amd64.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
#ifndef GOOS_freebsd
	MOVD RSP, R0
#endif
	MOVD R0, ·first(SB)
	MOVD $·g(SB), g
	MOVD RSP, R1
	AND  $-const_page, R1
	MOVD R1, RSP
	SUB  $const_stackSize, R1
	MOVD R1, goroutine_limit(g)
	MOVD ·program(SB), R26
	MOVD (R26), R0
	BL   (R0)
	BRK                    // not reached
