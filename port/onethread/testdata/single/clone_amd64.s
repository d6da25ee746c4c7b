#include "textflag.h"

#define SYS_pause 34
#define SYS_clone 56

// CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD, CLONE_SYSVSEM.
#define THREAD 0x50f00

// func clone(stackTop *byte)
TEXT ·clone(SB), NOSPLIT, $0-8
	MOVL $THREAD, DI
	MOVQ stackTop+0(FP), SI
	MOVL $0, DX
	MOVL $0, R10
	MOVL $0, R8
	MOVL $SYS_clone, AX
	SYSCALL
	CMPQ AX, $0
	JEQ  sleep
	RET
sleep:
	MOVL $0, BP
	MOVL $SYS_pause, AX
	SYSCALL
	JMP  sleep
