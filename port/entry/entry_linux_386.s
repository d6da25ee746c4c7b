// SPDX-License-Identifier: ISC

#include "go_asm.h"
#include "textflag.h"

#define SYS_set_thread_area 243

// What set_thread_area(2) is told of a segment.
#define NEW_ENTRY  -1
#define LIMIT      0xfffff
#define SEG_32BIT_LIMIT_IN_PAGES_USEABLE 0x51

// The kernel jumps here. The stack pointer is where the arguments are.
//
// Functions find g in the word before the beginning of segment GS.
TEXT ·start(SB), NOSPLIT|NOFRAME|TOPFRAME, $0
	MOVL SP, ·first(SB)
	ANDL $-const_page, SP
	LEAL ·g(SB), AX
	LEAL -const_stackSize(SP), CX
	MOVL CX, goroutine_limit(AX)
	MOVL AX, ·storage(SB)
	LEAL ·storage+4(SB), DX
	MOVL DX, (DX)          // the first word of the segment is its address

	SUBL $16, SP           // struct user_desc
	MOVL $NEW_ENTRY, 0(SP)
	MOVL DX, 4(SP)
	MOVL $LIMIT, 8(SP)
	MOVL $SEG_32BIT_LIMIT_IN_PAGES_USEABLE, 12(SP)
	MOVL SP, BX
	MOVL $SYS_set_thread_area, AX
	INT  $0x80
	TESTL AX, AX
	JNE  failed
	MOVL 0(SP), AX         // the entry that the kernel took
	SHLL $3, AX
	ADDL $3, AX
	MOVW AX, GS

	MOVL ·program(SB), DX
	MOVL (DX), AX
	CALL AX
failed:
	INT  $3
