// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_sigmask 40
#define uc_pc      176

// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<11)

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOV  A0, S2            // a system call changes A0 only
	MOV  A1, S3
	MOV  A2, S4
	MOVW si_code(A1), T0
	BLEZ T0, record        // sent by a process, not caused by this one
	MOV  $FAULTS, T0
	SRL  S2, T0, T0
	ANDI $1, T0, T0
	BNEZ T0, fault

record:
	// SIGIO interrupts a call that is about to sleep (Interruptible).
	MOV  $const_sigio, T0
	BNE  S2, T0, write
	MOV  $1, T0
	MOVW T0, ·interrupted(SB)
	MOV  uc_pc(A2), T1
	MOV  ·windowFirst(SB), T0
	BLTU T1, T0, write
	MOV  ·windowLast(SB), T0
	BGTU T1, T0, write
	MOV  $·cancelled(SB), T0
	MOV  T0, uc_pc(A2)

write:
	MOVWU ·pipeBroken(SB), T0
	BNEZ T0, keep
	MOV  $const_WriteFD, A0
	MOV  $const_InfoSize, A2
	MOV  $const_sysWrite, A7
	ECALL
	MOV  $const_InfoSize, T0
	BEQ  A0, T0, done
	MOV  $-const_brokenPipe, T0
	BNE  A0, T0, keep
	MOV  $1, T0
	MOVW T0, ·pipeBroken(SB)

keep:
	ADDI $-1, S2, T0
	MOV  $overflow__size, T1
	MUL  T0, T1, T1
	MOV  $·kept(SB), T2
	ADD  T1, T2, T2
	MOV  $1, T1
	SLL  T0, T1, T1
	MOV  ·pending(SB), A3
	OR   T1, A3, A3
	MOV  A3, ·pending(SB)
	MOVWU overflow_count(T2), A3
	ADDI $1, A3, A3
	MOVW A3, overflow_count(T2)
	ADDI $overflow_info, T2, T2
	ADDI $const_InfoSize, S3, A4

copy:
	MOVWU (S3), A3
	MOVW A3, (T2)
	ADDI $4, S3, S3
	ADDI $4, T2, T2
	BNE  S3, A4, copy
	MOVWU ·holding(SB), T0
	BEQZ T0, done
	ADDI $-1, S2, T0
	MOV  $1, T1
	SLL  T0, T1, T1
	MOV  uc_sigmask(S4), T0
	OR   T1, T0, T0
	MOV  T0, uc_sigmask(S4) // no more of it before the loop asks for more

done:
	RET                    // to the kernel's own restorer

fault:
	// A signal that a fault raises while it is blocked ends the process.
	ADDI $-1, S2, T0
	MOV  $1, T1
	SLL  T0, T1, T1
	MOV  uc_sigmask(A2), T0
	OR   T1, T0, T0
	MOV  T0, uc_sigmask(A2)
	MOV  S3, ·faultInfo(SB)
	MOV  A2, ·faultContext(SB)
	MOV  RA, ·faultReturn(SB)
	CALL ·tell(SB)
	MOV  ·faultReturn(SB), RA
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	MOV $·handler(SB), A0
	MOV A0, ret+0(FP)
	RET
