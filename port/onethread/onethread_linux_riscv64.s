#include "go_asm.h"
#include "textflag.h"

// Offsets in ucontext_t. The registers begin at 176.
#define uc_pc 176
#define uc_ra 184
#define uc_sp 192

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, on the
// alternate stack of the thread, and restores all registers when it returns.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOV  X1, S4            // the kernel's own restorer
	MOV  A2, S2
	MOV  $const_sysGettid, A7
	ECALL
	MOV  $·state(SB), S3
	MOV  $const_claimed, T1

claim:
	LRW  (S3), T0
	BNE  T0, A0, done      // another thread is asked, or this one no more
	SCW  T1, (S3), T2
	BNEZ T2, claim
	FENCE

	MOV  $·held(SB), T1
	MOV  uc_pc(S2), T0
	MOV  T0, context_pc(T1)
	MOV  uc_ra(S2), T0
	MOV  T0, context_lr(T1)
	MOV  uc_sp(S2), T0
	MOV  T0, context_sp(T1)
	MOV  $const_standing, T0
	FENCE
	MOVW T0, (S3)
	CALL wake<>(SB)

wait:
	MOV  S3, A0
	MOV  $const_futexWait, A1
	MOV  $const_standing, A2
	MOV  ZERO, A3
	MOV  $const_sysFutex, A7
	ECALL
	MOVW (S3), T0
	FENCE
	MOV  $const_standing, T1
	BEQ  T0, T1, wait
	MOV  $const_leaving, T1
	BEQ  T0, T1, leave
	MOV  $const_free, T0
	FENCE
	MOVW T0, (S3)
	CALL wake<>(SB)

done:
	MOV  S4, X1
	RET

leave:
	MOV  ZERO, A0
	MOV  $const_sysExit, A7 // this thread only
	ECALL
	EBREAK                  // not reached

// wake wakes the first thread where it waits for the state to change.
TEXT wake<>(SB), NOSPLIT|NOFRAME, $0
	MOV  S3, A0
	MOV  $const_futexWake, A1
	MOV  $1, A2
	MOV  $const_sysFutex, A7
	ECALL
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	MOV $·handler(SB), A0
	MOV A0, ret+0(FP)
	RET
