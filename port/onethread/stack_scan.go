//go:build 386 || arm || riscv64

package onethread

import "runtime"

// The runtime keeps no frame pointers on these architectures. What it does have
// are functions with frames of one size, made by an instruction at their
// beginning, so that from a program counter and a stack pointer follow those of
// the caller, word for word.

// context tells where the signal interrupted a thread. lr is the link register,
// where there is one.
type context struct{ pc, lr, sp uintptr }

// stackWords is how much of a stack is looked at. From the system call in which
// a thread rests to sysmon or mPark it is half of that.
const stackWords = 128

// stackTrace is the beginning of the stack of a held thread, and its registers.
// pc is 0 if the thread was not in a system call.
type stackTrace struct {
	pc, lr uintptr
	words  [stackWords]uintptr
}

// heldStack copies the stack of the held thread. It does so only if the thread
// is in a system call, as every thread at rest is: otherwise it may be about to
// make or leave a frame, or be at the very top of its stack.
func heldStack() (s stackTrace) {
	if !atSyscall(held.pc) {
		return s
	}
	s.pc, s.lr = held.pc, held.lr
	for i := range s.words {
		s.words[i] = load(held.sp + uintptr(i)*wordSize)
	}
	return s
}

// place is where a thread rests: the return addresses from the system call to
// the function that waits, and at which words of the stack they are. A thread
// with the same ones, one after the other, has been called in the same way.
type place struct {
	what    rest
	pc, lr  uintptr
	returns [maxReturns]returnAddress
	n       int
}

const maxReturns = 8

type returnAddress struct {
	word int
	pc   uintptr
}

func (p *place) is(s *stackTrace) bool {
	if s.pc != p.pc || p.lr != 0 && s.lr != p.lr {
		return false
	}
	for _, r := range p.returns[:p.n] {
		if s.words[r.word] != r.pc {
			return false
		}
	}
	return true
}

// functionCache knows the places where threads rest. To look up a function can
// allocate, which must not happen while a thread is held that may hold a lock
// of the allocator. A thread at rest is found at the same place again.
type functionCache struct {
	places [8]place
	n      int
}

// classify tells whether a thread rests where it holds no lock: sysmon between
// two of its rounds, any other thread while it has nothing to run.
func (c *functionCache) classify(s *stackTrace) rest {
	for i := range c.places[:c.n] {
		if c.places[i].is(s) {
			return c.places[i].what
		}
	}
	return restless
}

// learn remembers the place of a stack if it is one of rest. No thread may be
// held.
func (c *functionCache) learn(s *stackTrace) {
	if s.pc == 0 || c.classify(s) != restless {
		return
	}
	var u unwinder
	u.run(s)
	if u.what == restless {
		return
	}
	if c.n == len(c.places) {
		c.n = 0
	}
	c.places[c.n] = u.place
	c.n++
}

// unwinder goes from a system call to the function that waits.
type unwinder struct {
	place
	sp int // of the function that is looked at, a word of the stack
}

// run finds what the thread is, restless if it went through a function that
// does not only wait, or could not be followed.
func (u *unwinder) run(s *stackTrace) {
	u.pc = s.pc
	pc := s.pc
	if runtime.FuncForPC(pc) == nil {
		pc = u.leaveVdso(s)
	}
	for pc != 0 {
		entry, what, waits := functionsAt(pc)
		if !waits {
			u.what = what
			return
		}
		size, framed := frameSize(entry)
		switch {
		case framed:
			pc = u.caller(s, size)
		case pc == s.pc && hasLinkRegister:
			u.lr = s.lr
			pc = s.lr
		default:
			pc = u.caller(s, 0)
		}
	}
}

// caller goes from a function whose frame has size bytes to its caller, and
// returns the return address, 0 if there is no room to remember it.
func (u *unwinder) caller(s *stackTrace, size uintptr) uintptr {
	n := int(size / wordSize)
	if hasLinkRegister {
		// It was saved in the first word of the frame.
		pc := u.took(s, u.sp)
		u.sp += n
		return pc
	}
	pc := u.took(s, u.sp+n)
	u.sp += n + 1
	return pc
}

func (u *unwinder) took(s *stackTrace, word int) uintptr {
	if word >= len(s.words) || u.n == len(u.returns) {
		return 0
	}
	pc := s.words[word]
	u.returns[u.n] = returnAddress{word, pc}
	u.n++
	return pc
}

// leaveVdso finds the function that makes system calls by way of the kernel's
// own code, which saves up to three registers before.
func (u *unwinder) leaveVdso(s *stackTrace) uintptr {
	const saved = 3
	for i := range saved + 1 {
		if runtime.FuncForPC(s.words[i]) != nil {
			u.sp = i + 1
			return u.took(s, i)
		}
	}
	return 0
}

// functionsAt looks up a program counter of a function that is in a call, and
// the functions that are inlined there. It tells where the function begins and
// whether all that it does is wait on behalf of its caller. If it is not so,
// what is the rest that a thread has which waits there.
func functionsAt(pc uintptr) (entry uintptr, what rest, waits bool) {
	frames := runtime.CallersFrames([]uintptr{pc})
	for {
		frame, more := frames.Next()
		switch frame.Function {
		case "runtime.usleep", "runtime.futex", "runtime.futex_time32", "runtime.futex_time64",
			"runtime.futexsleep", "runtime.notesleep", "runtime.notetsleep", "runtime.notetsleep_internal":
		case "runtime.sysmon":
			return 0, restingSysmon, false
		case "runtime.mPark":
			return 0, restingWorker, false
		default:
			return 0, restless, false
		}
		if !more {
			return frame.Entry, restless, true
		}
	}
}

// maxPrologue is how many bytes of a function may precede the instruction that
// makes the frame: a check that the stack has room.
const maxPrologue = 40

// frameSize is the size of a function's frame in bytes. Functions that are
// written in assembly may have none.
func frameSize(entry uintptr) (size uintptr, ok bool) {
	for pc := entry; pc < entry+maxPrologue; pc += instructionStep {
		if size, ok = frameMade(load(pc)); ok {
			return size, true
		}
	}
	return 0, false
}
