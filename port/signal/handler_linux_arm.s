// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_pc      92
#define uc_sigmask 104

// SIGILL, SIGTRAP, SIGBUS, SIGFPE and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<11)

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVW R0, R8            // a system call changes R0 only
	MOVW R1, R6
	MOVW R2, R9
	MOVW si_code(R1), R3
	CMP  $0, R3
	BLE  record            // sent by a process, not caused by this one
	MOVW $FAULTS, R3
	MOVW R3>>R8, R3        // nothing is left for a number of 32 or more
	AND.S $1, R3
	BNE  fault

record:
	// SIGIO interrupts a call that is about to sleep (Interruptible).
	CMP  $const_sigio, R8
	BNE  write
	MOVW $1, R3
	MOVW R3, ·interrupted(SB)
	MOVW uc_pc(R2), R4
	MOVW ·windowFirst(SB), R3
	CMP  R3, R4
	BLO  write
	MOVW ·windowLast(SB), R3
	CMP  R3, R4
	BHI  write
	MOVW $·cancelled(SB), R3
	MOVW R3, uc_pc(R2)

write:
	MOVW ·pipeBroken(SB), R3
	CMP  $0, R3
	BNE  keep
	MOVW $const_WriteFD, R0
	MOVW $const_InfoSize, R2
	MOVW $const_sysWrite, R7
	SWI  $0
	CMP  $const_InfoSize, R0
	BEQ  done
	CMN  $const_brokenPipe, R0
	BNE  keep
	MOVW $1, R3
	MOVW R3, ·pipeBroken(SB)

keep:
	SUB  $1, R8, R4
	MOVW $overflow__size, R5
	MUL  R4, R5
	MOVW $·kept(SB), R0
	ADD  R5, R0
	AND  $31, R4, R5
	MOVW $1, R3
	MOVW R3<<R5, R3
	MOVW $·pending(SB), R1
	MOVW R4>>5, R4         // the word of the bit
	ADD  R4<<2, R1
	MOVW (R1), R2
	ORR  R3, R2
	MOVW R2, (R1)
	MOVW overflow_count(R0), R2
	ADD  $1, R2
	MOVW R2, overflow_count(R0)
	ADD  $overflow_info, R0
	MOVW $(const_InfoSize/16), R5

copy:
	MOVM.IA.W (R6), [R1-R4]
	MOVM.IA.W [R1-R4], (R0)
	SUB.S $1, R5
	BNE  copy
	MOVW ·holding(SB), R3
	CMP  $0, R3
	BEQ  done
	SUB  $1, R8, R4
	AND  $31, R4, R5
	MOVW $1, R3
	MOVW R3<<R5, R3
	MOVW R4>>5, R4         // the word of the bit
	ADD  R4<<2, R9
	MOVW uc_sigmask(R9), R2
	ORR  R3, R2
	MOVW R2, uc_sigmask(R9) // no more of it before the loop asks for more

done:
	RET                    // to the restorer

fault:
	// A signal that a fault raises while it is blocked ends the process.
	SUB  $1, R8, R4
	MOVW $1, R5
	MOVW R5<<R4, R5
	MOVW uc_sigmask(R2), R3
	ORR  R5, R3
	MOVW R3, uc_sigmask(R2)
	MOVW R6, ·faultInfo(SB)
	MOVW R2, ·faultContext(SB)
	MOVW R14, ·faultReturn(SB)
	CALL ·tell(SB)
	MOVW ·faultReturn(SB), R14
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-4
	MOVW $·handler(SB), R0
	MOVW R0, ret+0(FP)
	RET
