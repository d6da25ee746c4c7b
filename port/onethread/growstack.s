#include "textflag.h"

// func growStack()
//
// The assembler makes a function that is not NOSPLIT begin with a check that
// the stack has room for its frame.
TEXT ·growStack(SB), 0, $131072-0
	RET
