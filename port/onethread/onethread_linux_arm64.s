#include "go_asm.h"
#include "textflag.h"

// Offsets in ucontext_t. The registers begin at 184.
#define uc_x29 416
#define uc_sp  432
#define uc_pc  440

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, on the
// alternate stack of the thread, and restores all registers when it returns.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVD R30, R20          // the restorer
	MOVD R2, R10
	MOVD $const_sysGettid, R8
	SVC
	MOVD $·state(SB), R11
	MOVD $const_claimed, R4
claim:
	LDAXRW (R11), R3
	CMPW R0, R3
	BNE  done              // another thread is asked, or this one no more
	STLXRW R4, (R11), R5
	CBNZ R5, claim

	MOVD $·held(SB), R4
	MOVD uc_pc(R10), R3
	MOVD R3, context_pc(R4)
	MOVD uc_x29(R10), R3
	MOVD R3, context_fp(R4)
	MOVD uc_sp(R10), R3
	MOVD R3, context_sp(R4)
	MOVD $const_standing, R3
	STLRW R3, (R11)
	BL   wake<>(SB)

wait:
	MOVD R11, R0
	MOVD $const_futexWait, R1
	MOVD $const_standing, R2
	MOVD $0, R3
	MOVD $const_sysFutex, R8
	SVC
	LDARW (R11), R3
	CMPW $const_standing, R3
	BEQ  wait
	CMPW $const_leaving, R3
	BEQ  leave
	MOVD $const_free, R3
	STLRW R3, (R11)
	BL   wake<>(SB)

done:
	MOVD R20, R30
	RET

leave:
	MOVD $0, R0
	MOVD $const_sysExit, R8 // this thread only
	SVC
	BRK                     // not reached

// wake wakes the first thread where it waits for the state to change.
TEXT wake<>(SB), NOSPLIT|NOFRAME, $0
	MOVD R11, R0
	MOVD $const_futexWake, R1
	MOVD $1, R2
	MOVD $const_sysFutex, R8
	SVC
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	MOVD $·handler(SB), R0
	MOVD R0, ret+0(FP)
	RET
