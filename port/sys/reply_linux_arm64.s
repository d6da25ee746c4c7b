// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func cloneReplying(flags uintptr, self *int32, fd uintptr, reply *byte, n uintptr) (pid, sent uintptr)
//
// Between the system calls nothing goes to the stack.
TEXT ·cloneReplying(SB), NOSPLIT, $0-56
	MOVD flags+0(FP), R0
	MOVD ZR, R1
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD self+8(FP), R4
	MOVD $const_SYS_CLONE, R8
	SVC
	MOVD R0, R9            // which the kernel keeps
	CMP  $0xff, R0
	BLE  done              // the child, an error, or a small pid
	MOVD reply+24(FP), R1
	MOVD n+32(FP), R2
	REVW R0, R3
	ADD  R1, R2, R4
	MOVW R3, -4(R4)
	MOVD fd+16(FP), R0
	MOVD $const_SYS_WRITE, R8
	SVC

done:
	MOVD R9, pid+40(FP)
	MOVD R0, sent+48(FP)
	RET
