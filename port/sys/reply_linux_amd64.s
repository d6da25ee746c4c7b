// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

// func cloneReplying(flags uintptr, self *int32, fd uintptr, reply *byte, n uintptr) (pid, sent uintptr)
//
// Between the system calls nothing goes to the stack.
TEXT ·cloneReplying(SB), NOSPLIT, $0-56
	MOVQ flags+0(FP), DI
	XORL SI, SI
	XORL DX, DX
	MOVQ self+8(FP), R10
	XORL R8, R8
	MOVL $const_SYS_CLONE, AX
	SYSCALL
	MOVQ AX, R12           // which the kernel keeps
	CMPQ AX, $0xff
	JLE  done              // the child, an error, or a small pid
	MOVQ fd+16(FP), DI
	MOVQ reply+24(FP), SI
	MOVQ n+32(FP), DX
	BSWAPL AX
	MOVL AX, -4(SI)(DX*1)
	MOVL $const_SYS_WRITE, AX
	SYSCALL

done:
	MOVQ R12, pid+40(FP)
	MOVQ AX, sent+48(FP)
	RET
