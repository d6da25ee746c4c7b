// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_eip     76
#define uc_sigmask 108

// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<11)

#define SI_KERNEL 0x80
#define SIGTRAP   5

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVL 4(SP), BP         // a system call changes AX only
	MOVL 8(SP), SI
	CMPL si_code(SI), $0
	JLE  record            // sent by a process, not caused by this one
	MOVL $FAULTS, AX
	BTL  BP, AX            // by the signal number modulo 32
	JCC  record
	CMPL BP, $32
	JLT  fault

record:
	// SIGIO interrupts a call that is about to sleep (Interruptible).
	CMPL BP, $const_sigio
	JNE  write
	MOVL $1, ·interrupted(SB)
	MOVL 12(SP), DX
	MOVL uc_eip(DX), CX
	CMPL CX, ·windowFirst(SB)
	JCS  write
	CMPL CX, ·windowLast(SB)
	JHI  write
	LEAL ·cancelled(SB), CX
	MOVL CX, uc_eip(DX)

write:
	CMPL ·pipeBroken(SB), $0
	JNE  keep
	MOVL $const_WriteFD, BX
	MOVL SI, CX
	MOVL $const_InfoSize, DX
	MOVL $const_sysWrite, AX
	INT  $0x80
	CMPL AX, $const_InfoSize
	JEQ  done
	CMPL AX, $-const_brokenPipe
	JNE  keep
	MOVL $1, ·pipeBroken(SB)

keep:
	LEAL -1(BP), CX
	MOVL CX, AX
	IMULL $overflow__size, AX
	LEAL ·kept(SB), BX
	ADDL AX, BX
	MOVL CX, DX
	SHRL $5, DX            // the word of the bit
	MOVL $1, AX
	SHLL CX, AX            // modulo 32
	LEAL ·pending(SB), DI
	ORL  AX, (DI)(DX*4)
	INCL overflow_count(BX)
	LEAL overflow_info(BX), DI
	MOVL $(const_InfoSize/4), CX
	CLD
	REP
	MOVSL
	CMPL ·holding(SB), $0
	JEQ  done
	MOVL 12(SP), BX
	ORL  AX, uc_sigmask(BX)(DX*4) // no more of it before the loop asks for more

done:
	RET

fault:
	// A signal that a fault raises while it is blocked ends the process.
	MOVL 12(SP), DX
	LEAL -1(BP), CX
	MOVL $1, AX
	SHLL CX, AX
	ORL  AX, uc_sigmask(DX)
	CMPL BP, $SIGTRAP
	JNE  tell
	CMPL si_code(SI), $SI_KERNEL
	JNE  tell
	DECL uc_eip(DX)        // back to the breakpoint, which was passed already
tell:
	MOVL SI, ·faultInfo(SB)
	MOVL DX, ·faultContext(SB)
	CALL ·tell(SB)
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-4
	LEAL ·handler(SB), AX
	MOVL AX, ret+0(FP)
	RET
