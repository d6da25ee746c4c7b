// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_sigmask 0
#define uc_rip     176

// SIGILL, SIGTRAP, SIGEMT, SIGFPE, SIGBUS and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<10 | 1<<11)

#define SI_USER    0x10001 // the lowest code of a signal that somebody sent
#define SIGTRAP    5
#define TRAP_BRKPT 1
#define TRAP_CAP   4       // procctl(PROC_TRAPCAP_CTL): a system call was refused

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned. It returns
// to code of the kernel's.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVL DI, R12           // a system call keeps BX, BP and R12 to R15
	MOVQ SI, R13
	MOVQ DX, R14

	MOVL si_code(SI), CX
	CMPL CX, $0
	JLE  record
	CMPL CX, $SI_USER
	JGE  record            // sent by a process, not caused by this one
	MOVL $FAULTS, AX
	BTQ  R12, AX
	JCC  record
	CMPL R12, $SIGTRAP
	JNE  fault
	CMPL CX, $TRAP_CAP
	JNE  fault

record:
	CMPL ·pipeBroken(SB), $0
	JNE  keep
	MOVL $const_WriteFD, DI
	MOVL $const_InfoSize, DX
	MOVL $const_sysWrite, AX
	SYSCALL
	JCS  failed
	CMPQ AX, $const_InfoSize
	JEQ  done
	JMP  keep

failed:
	CMPQ AX, $const_brokenPipe
	JNE  keep
	MOVL $1, ·pipeBroken(SB)

keep:
	LEAL -1(R12), CX
	MOVQ CX, AX
	IMULQ $overflow__size, AX
	LEAQ ·kept(SB), BX
	ADDQ AX, BX
	MOVQ CX, DX
	SHRQ $6, DX
	LEAQ ·pending(SB), DI
	MOVL $1, AX
	SHLQ CX, AX            // by CX modulo 64
	ORQ  AX, (DI)(DX*8)
	INCL overflow_count(BX)
	LEAQ overflow_info(BX), DI
	MOVQ R13, SI
	MOVL $(const_InfoSize/8), CX
	CLD
	REP
	MOVSQ
	CMPL ·holding(SB), $0
	JEQ  done
	ORQ  AX, uc_sigmask(R14)(DX*8) // no more of it before the loop asks for more

done:
	RET

fault:
	// A signal that a fault raises while it is blocked ends the process, unless
	// kern.forcesigexit is 0.
	LEAL -1(R12), CX
	MOVL $1, AX
	SHLQ CX, AX
	ORQ  AX, uc_sigmask(DX)
	CMPL R12, $SIGTRAP
	JNE  tell
	CMPL si_code(SI), $TRAP_BRKPT
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
