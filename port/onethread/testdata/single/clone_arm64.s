#include "textflag.h"

#define SYS_ppoll 73
#define SYS_clone 220

// CLONE_VM, CLONE_FS, CLONE_FILES, CLONE_SIGHAND, CLONE_THREAD, CLONE_SYSVSEM.
#define THREAD 0x50f00

// func clone(stackTop *byte)
TEXT ·clone(SB), NOSPLIT, $0-8
	MOVD $THREAD, R0
	MOVD stackTop+0(FP), R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $SYS_clone, R8
	SVC
	CBZ  R0, sleep
	RET
sleep:
	MOVD $0, R29
	MOVD $0, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $0, R3
	MOVD $0, R4
	MOVD $SYS_ppoll, R8
	SVC
	B    sleep
