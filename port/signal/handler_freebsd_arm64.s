// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// Offsets in siginfo_t and ucontext_t.
#define si_code    8
#define uc_sigmask 0

// SIGILL, SIGTRAP, SIGEMT, SIGFPE, SIGBUS and SIGSEGV.
#define FAULTS (1<<4 | 1<<5 | 1<<7 | 1<<8 | 1<<10 | 1<<11)

#define SI_USER  0x10001 // the lowest code of a signal that somebody sent
#define SIGTRAP  5
#define TRAP_CAP 4       // procctl(PROC_TRAPCAP_CTL): a system call was refused

// void handler(int signo, siginfo_t *info, ucontext_t *context)
//
// The kernel calls it with the C convention, every signal blocked, and restores all registers when it has returned. It returns
// to code of the kernel's.
TEXT ·handler(SB), NOSPLIT|NOFRAME, $0
	MOVD R0, R9            // a system call changes R0 and R1 only
	MOVD R1, R10
	MOVD R2, R12

	MOVW si_code(R1), R3
	CMPW $0, R3
	BLE  record
	MOVW $SI_USER, R4
	CMPW R4, R3
	BGE  record            // sent by a process, not caused by this one
	MOVD $FAULTS, R4
	LSR  R9, R4, R4
	TBZ  $0, R4, record
	CMPW $SIGTRAP, R9
	BNE  fault
	CMPW $TRAP_CAP, R3
	BNE  fault

record:
	MOVWU ·pipeBroken(SB), R3
	CBNZ R3, keep
	MOVD $const_WriteFD, R0
	MOVD $const_InfoSize, R2
	MOVD $const_sysWrite, R8
	SVC
	BCS  failed
	CMP  $const_InfoSize, R0
	BEQ  done
	B    keep

failed:
	CMP  $const_brokenPipe, R0
	BNE  keep
	MOVD $1, R3
	MOVW R3, ·pipeBroken(SB)

keep:
	SUB  $1, R9, R4
	MOVD $overflow__size, R5
	MUL  R4, R5, R5
	MOVD $·kept(SB), R6
	ADD  R5, R6
	LSR  $6, R4, R7
	MOVD $·pending(SB), R11
	ADD  R7<<3, R11
	MOVD $1, R5
	LSL  R4, R5, R5        // by R4 modulo 64
	MOVD (R11), R7
	ORR  R5, R7
	MOVD R7, (R11)
	MOVWU overflow_count(R6), R7
	ADD  $1, R7
	MOVW R7, overflow_count(R6)
	ADD  $overflow_info, R6
	MOVD $(const_InfoSize/16), R5
copy:
	LDP.P 16(R10), (R3, R4)
	STP.P (R3, R4), 16(R6)
	SUB  $1, R5
	CBNZ R5, copy
	MOVWU ·holding(SB), R3
	CBZ  R3, done
	SUB  $1, R9, R4
	LSR  $6, R4, R7        // the word of the bit
	ADD  R7<<3, R12
	MOVD $1, R5
	LSL  R4, R5, R5        // by R4 modulo 64
	MOVD uc_sigmask(R12), R3
	ORR  R5, R3
	MOVD R3, uc_sigmask(R12) // no more of it before the loop asks for more

done:
	RET

fault:
	// A signal that a fault raises while it is blocked ends the process, unless
	// kern.forcesigexit is 0.
	SUB  $1, R9, R4
	MOVD $1, R5
	LSL  R4, R5, R5
	MOVD uc_sigmask(R2), R3
	ORR  R5, R3
	MOVD R3, uc_sigmask(R2)
	MOVD R10, ·faultInfo(SB)
	MOVD R2, ·faultContext(SB)
	MOVD R30, ·faultReturn(SB)
	CALL ·tell(SB)
	MOVD ·faultReturn(SB), R30
	RET

// func handlerPC() uintptr
TEXT ·handlerPC(SB), NOSPLIT, $0-8
	MOVD $·handler(SB), R0
	MOVD R0, ret+0(FP)
	RET
