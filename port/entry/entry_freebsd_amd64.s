// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

#define SYS_sysarch      165
#define AMD64_SET_FSBASE 129

// The kernel jumps here. The first argument register is where the arguments are.
//
// Functions find g in R14, and after a call of assembly in the word before the
// thread's storage.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVQ DI, ·first(SB)
	ANDQ $-const_page, SP
	LEAQ ·g(SB), R14
	LEAQ -const_stackSize(SP), AX
	MOVQ AX, goroutine_limit(R14)
	MOVQ R14, ·storage(SB)
	LEAQ ·storage+8(SB), AX
	PUSHQ AX
	PUSHQ AX               // keeps the stack aligned
	MOVQ SP, SI
	MOVL $AMD64_SET_FSBASE, DI
	MOVL $SYS_sysarch, AX
	SYSCALL
	XORPS X15, X15         // zero wherever Go code runs
	MOVQ ·program(SB), DX
	CALL (DX)
	INT  $3                // not reached
