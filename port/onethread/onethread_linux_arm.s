#include "go_asm.h"
#include "textflag.h"

// Offsets in ucontext_t.
#define uc_sp 84
#define uc_lr 88
#define uc_pc 92

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, on the
// alternate stack of the thread, and restores all registers when it returns.
// The barriers need ARMv7.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVW R14, R8           // the restorer
	MOVW R2, R9
	MOVW $const_sysGettid, R7
	SWI  $0
	MOVW $·state(SB), R6
	MOVW $const_claimed, R4

claim:
	LDREX (R6), R3
	CMP  R0, R3
	BNE  done              // another thread is asked, or this one no more
	STREX R4, (R6), R5
	CMP  $0, R5
	BNE  claim
	DMB  MB_ISH

	MOVW $·held(SB), R4
	MOVW uc_pc(R9), R3
	MOVW R3, context_pc(R4)
	MOVW uc_lr(R9), R3
	MOVW R3, context_lr(R4)
	MOVW uc_sp(R9), R3
	MOVW R3, context_sp(R4)
	MOVW $const_standing, R3
	DMB  MB_ISH
	MOVW R3, (R6)
	BL   wake<>(SB)

wait:
	MOVW R6, R0
	MOVW $const_futexWait, R1
	MOVW $const_standing, R2
	MOVW $0, R3
	MOVW $const_sysFutex, R7
	SWI  $0
	MOVW (R6), R3
	DMB  MB_ISH
	MOVW $const_standing, R4
	CMP  R4, R3
	BEQ  wait
	MOVW $const_leaving, R4
	CMP  R4, R3
	BEQ  leave
	MOVW $const_free, R3
	DMB  MB_ISH
	MOVW R3, (R6)
	BL   wake<>(SB)

done:
	MOVW R8, R14
	RET

leave:
	MOVW $0, R0
	MOVW $const_sysExit, R7 // this thread only
	SWI  $0
	WORD $0xe7f001f0        // not reached: an undefined instruction

// wake wakes the first thread where it waits for the state to change.
TEXT wake<>(SB), NOSPLIT|NOFRAME, $0
	MOVW R6, R0
	MOVW $const_futexWake, R1
	MOVW $1, R2
	MOVW $const_sysFutex, R7
	SWI  $0
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-4
	MOVW $·handler(SB), R0
	MOVW R0, ret+0(FP)
	RET
