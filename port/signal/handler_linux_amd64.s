// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_rip     168
#define uc_sigmask 296

// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<11)

#define SI_KERNEL 0x80
#define SIGTRAP   5

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVL DI, R12           // a system call changes AX, CX and R11 only
	MOVQ SI, R13
	MOVQ DX, R14

	CMPL si_code(SI), $0
	JLE  record            // sent by a process, not caused by this one
	MOVL $FAULTS, AX
	BTQ  R12, AX
	JCS  fault

record:
	// SIGIO interrupts a call that is about to sleep (Interruptible).
	CMPL R12, $const_sigio
	JNE  write
	MOVL $1, ·interrupted(SB)
	MOVQ uc_rip(DX), CX
	CMPQ CX, ·windowFirst(SB)
	JCS  write
	CMPQ CX, ·windowLast(SB)
	JHI  write
	LEAQ ·cancelled(SB), CX
	MOVQ CX, uc_rip(DX)

write:
	CMPL ·pipeBroken(SB), $0
	JNE  keep
	MOVL $const_WriteFD, DI
	MOVL $const_InfoSize, DX
	MOVL $const_sysWrite, AX
	SYSCALL
	CMPQ AX, $const_InfoSize
	JEQ  done
	CMPQ AX, $-const_brokenPipe
	JNE  keep
	MOVL $1, ·pipeBroken(SB)

keep:
	LEAL -1(R12), CX
	MOVQ CX, AX
	IMULQ $overflow__size, AX
	LEAQ ·kept(SB), BX
	ADDQ AX, BX
	MOVL $1, AX
	SHLQ CX, AX
	ORQ  AX, ·pending(SB)
	INCL overflow_count(BX)
	LEAQ overflow_info(BX), DI
	MOVQ R13, SI
	MOVL $(const_InfoSize/8), CX
	CLD
	REP
	MOVSQ
	CMPL ·holding(SB), $0
	JEQ  done
	ORQ  AX, uc_sigmask(R14) // no more of it before the loop asks for more

done:
	RET

fault:
	// A signal that a fault raises while it is blocked ends the process.
	LEAL -1(R12), CX
	MOVL $1, AX
	SHLQ CX, AX
	ORQ  AX, uc_sigmask(DX)
	CMPL R12, $SIGTRAP
	JNE  tell
	CMPL si_code(SI), $SI_KERNEL
	JNE  tell
	DECQ uc_rip(DX)        // back to the breakpoint, which was passed already
tell:
	MOVQ R13, ·faultInfo(SB)
	MOVQ DX, ·faultContext(SB)
	CALL ·tell(SB)
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	LEAQ ·handler(SB), AX
	MOVQ AX, ret+0(FP)
	RET
