#include "go_asm.h"
#include "textflag.h"

// Offsets in ucontext_t.
#define uc_rbp 88
#define uc_rip 176
#define uc_rsp 200

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, on the
// alternate stack of the thread, and restores all registers when it returns,
// to code of the kernel's. System calls keep BX, BP, SP and R12 to R15.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVQ DX, R12
	LEAQ -16(SP), DI       // nobody else writes below the stack
	MOVL $const_sysThrSelf, AX
	SYSCALL
	MOVQ -16(SP), AX
	MOVL $const_claimed, CX
	LOCK
	CMPXCHGL CX, ·state(SB)
	JNE  done              // another thread is asked, or this one no more

	MOVQ uc_rip(R12), AX
	MOVQ AX, ·held+context_pc(SB)
	MOVQ uc_rbp(R12), AX
	MOVQ AX, ·held+context_fp(SB)
	MOVQ uc_rsp(R12), AX
	MOVQ AX, ·held+context_sp(SB)
	MOVL $const_standing, AX
	XCHGL AX, ·state(SB)
	CALL wake<>(SB)

wait:
	LEAQ ·state(SB), DI
	MOVL $const_umtxWait, SI
	MOVL $const_standing, DX
	MOVL $0, R10
	MOVL $0, R8
	MOVL $const_sysUmtxOp, AX
	SYSCALL
	MOVL ·state(SB), AX
	CMPL AX, $const_standing
	JEQ  wait
	CMPL AX, $const_leaving
	JEQ  leave
	MOVL $const_free, AX
	XCHGL AX, ·state(SB)
	CALL wake<>(SB)

done:
	RET

leave:
	MOVL $0, DI
	MOVL $const_sysThrExit, AX // this thread only
	SYSCALL
	INT  $3                    // not reached

// wake wakes the first thread where it waits for the state to change.
TEXT wake<>(SB), NOSPLIT|NOFRAME, $0
	LEAQ ·state(SB), DI
	MOVL $const_umtxWake, SI
	MOVL $1, DX
	MOVL $0, R10
	MOVL $0, R8
	MOVL $const_sysUmtxOp, AX
	SYSCALL
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	LEAQ ·handler(SB), AX
	MOVQ AX, ret+0(FP)
	RET
