#include "go_asm.h"
#include "textflag.h"

// Offsets in ucontext_t.
#define uc_esp 48
#define uc_eip 76

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, on the
// alternate stack of the thread, and restores all registers when it returns.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVL $const_sysGettid, AX
	INT  $0x80
	MOVL $const_claimed, CX
	LOCK
	CMPXCHGL CX, ·state(SB)
	JNE  done              // another thread is asked, or this one no more

	MOVL 12(SP), DX
	MOVL uc_eip(DX), AX
	MOVL AX, ·held+context_pc(SB)
	MOVL uc_esp(DX), AX
	MOVL AX, ·held+context_sp(SB)
	MOVL $const_standing, AX
	XCHGL AX, ·state(SB)
	CALL wake<>(SB)

wait:
	LEAL ·state(SB), BX
	MOVL $const_futexWait, CX
	MOVL $const_standing, DX
	MOVL $0, SI
	MOVL $const_sysFutex, AX
	INT  $0x80
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
	MOVL $0, BX
	MOVL $const_sysExit, AX // this thread only
	INT  $0x80
	INT  $3                 // not reached

// wake wakes the first thread where it waits for the state to change.
TEXT wake<>(SB), NOSPLIT|NOFRAME, $0
	LEAL ·state(SB), BX
	MOVL $const_futexWake, CX
	MOVL $1, DX
	MOVL $const_sysFutex, AX
	INT  $0x80
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-4
	LEAL ·handler(SB), AX
	MOVL AX, ret+0(FP)
	RET
