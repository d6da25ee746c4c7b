//go:build amd64 || arm64

package onethread

import "runtime"

// context tells where the signal interrupted a thread.
type context struct{ pc, fp, sp uintptr }

// maxFrames is how many frames of a held thread are looked at. From the system
// call in which a thread rests to sysmon or mPark it is four.
const maxFrames = 8

// stackTrace is the program counters of a held thread, innermost first. What
// is not known is 0.
type stackTrace [maxFrames]uintptr

// A frame pointer further from the stack pointer than the stack of a thread is
// large does not belong to it.
const maxStack = 16 << 10

// heldStack follows the frame pointers of the held thread. It does so only if
// the thread is in a system call, as every thread at rest is: there the frame
// pointer is known to be one, and no lock of the runtime is being taken.
func heldStack() (pcs stackTrace) {
	if !atSyscall(held.pc) {
		return pcs
	}
	pcs[0] = held.pc
	fp := held.fp
	for i := 1; i < maxFrames; i++ {
		// On arm64 the frame pointer is one word below the stack pointer.
		if fp+wordSize-held.sp > maxStack || fp%wordSize != 0 {
			break
		}
		pcs[i] = load(fp + wordSize)
		fp = load(fp)
	}
	return pcs
}

// function is a function of the runtime that tells what a thread does.
type function uint8

const (
	unknown function = iota // not looked up yet
	other
	usleep
	futex
	notetsleep
	sysmon
	mPark
)

func functionNamed(name string) function {
	switch name {
	case "runtime.usleep":
		return usleep
	case "runtime.futex", "runtime.sys_umtx_op": // Linux, FreeBSD
		return futex
	case "runtime.notetsleep", "runtime.notetsleep_internal":
		return notetsleep
	case "runtime.sysmon":
		return sysmon
	case "runtime.mPark":
		return mPark
	}
	return other
}

// functionCache knows the functions of program counters. To look one up can
// allocate, which must not happen while a thread is held that may hold a lock
// of the allocator. A thread at rest is found at the same place again.
type functionCache struct {
	pcs       [64]uintptr
	functions [64]function
	n         int
}

func (c *functionCache) function(pc uintptr) function {
	for i, known := range c.pcs[:c.n] {
		if known == pc {
			return c.functions[i]
		}
	}
	return unknown
}

// learn looks up the functions of a stack. No thread may be held.
func (c *functionCache) learn(stack *stackTrace) {
	for i, pc := range stack {
		if pc == 0 || c.function(pc) != unknown {
			continue
		}
		if c.n == len(c.pcs) {
			c.n = 0
		}
		c.pcs[c.n] = pc
		c.functions[c.n] = functionAt(pc, i > 0)
		c.n++
	}
}

// functionAt is the function of a program counter. A return address can be the
// first instruction of something else.
func functionAt(pc uintptr, isReturn bool) function {
	if isReturn {
		pc--
	}
	f := runtime.FuncForPC(pc)
	if f == nil {
		return other
	}
	return functionNamed(f.Name())
}

// classify tells whether a thread rests where it holds no lock: sysmon between
// two of its rounds, any other thread while it has nothing to run.
func (c *functionCache) classify(stack *stackTrace) rest {
	var f [maxFrames]function
	for i, pc := range stack {
		f[i] = c.function(pc)
	}
	if f[0] == usleep && f[1] == sysmon {
		return restingSysmon
	}
	if f[0] != futex {
		return restless
	}
	// futex has no frame, so its caller does not show. On FreeBSD futexsleep is
	// inlined in the next but one, which therefore has its name.
	slept := false
	for _, f := range f[1:] {
		switch f {
		case notetsleep:
			slept = true
		case sysmon:
			if slept {
				return restingSysmon
			}
			return restless
		case mPark:
			return restingWorker
		}
	}
	return restless
}
