// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

#define SYS_arch_prctl 158
#define ARCH_SET_FS    0x1002

// The kernel jumps here. The stack pointer is where the arguments are.
//
// Functions find g in R14, and after a call of assembly in the word before the
// thread's storage. The stack begins at a page, or the place the kernel has drawn
// decides whether every process that has been forked owns one page of it or two.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ SP, ·first(SB)
	ANDQ $-const_page, SP
	LEAQ ·g(SB), R14
	LEAQ -const_stackSize(SP), AX
	MOVQ AX, goroutine_limit(R14)
	MOVQ R14, ·storage(SB)
	LEAQ ·storage+8(SB), SI
	MOVL $ARCH_SET_FS, DI
	MOVL $SYS_arch_prctl, AX
	SYSCALL
	XORPS X15, X15         // zero wherever Go code runs
	MOVQ ·program(SB), DX
	CALL (DX)
	INT  $3                // not reached
