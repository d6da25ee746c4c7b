package onethread

import (
	"math"
	"sync/atomic"

	"github.com/alcove-go/alcove/port/sys"
)

// The states of the one thread that is dealt with. Any other number is the id
// of a thread that is asked to stand.
const (
	free     = 0            // no thread is held
	claimed  = 1<<30 + iota // the thread that was asked is in the handler
	standing                // and has said where it was
	leaving                 // it ends itself
	going                   // it returns from the handler, which makes the state free
)

// Shared with the handler. state is the futex on which both sides wait.
var (
	state uint32
	held  context
)

// handlerPC is the address of the signal handler.
func handlerPC() uintptr

// installation is what was there before the handler.
type installation struct{ old sys.Sigaction }

func installHandler() (i installation) {
	action := sys.Catch(handlerPC())
	sys.SetSigaction(holdSignal, &action, &i.old)
	return i
}

func (i *installation) restore() { sys.SetSigaction(holdSignal, &i.old, nil) }

// hold makes a thread stand in the handler and reports whether it does. A
// thread that does not react may do so later; then it only passes through.
func (e *entry) hold(tid int) bool {
	ask := uint32(tid)
	atomic.StoreUint32(&state, ask)
	if e.send(tid, holdSignal) == 0 {
		e.await(tid, ask, maxSpins+2)
	}
	if atomic.CompareAndSwapUint32(&state, ask, free) {
		return false
	}
	e.await(tid, claimed, forever)
	return atomic.LoadUint32(&state) == standing
}

// leave ends the held thread and reports whether it is gone.
func (e *entry) leave(tid int) bool {
	e.tell(leaving)
	e.await(tid, leaving, forever)
	if e.alive(tid) {
		return false
	}
	atomic.StoreUint32(&state, free)
	e.ended++
	return true
}

// goOn lets the held thread return to what it did. It waits until the thread
// has seen that: the next one is told its part through the same word.
func (e *entry) goOn(tid int) {
	e.tell(going)
	e.await(tid, going, forever)
}

// tell changes the state for the held thread, which waits for that.
func (e *entry) tell(s uint32) {
	atomic.StoreUint32(&state, s)
	sys.FutexWake(&state)
}

const forever = math.MaxInt

// await waits until the thread changes the state from s or ends, or until it
// has waited n times or patience is over.
func (e *entry) await(tid int, s uint32, n int) {
	for i := 0; i < n && atomic.LoadUint32(&state) == s && e.alive(tid) && !e.patience.over(); i++ {
		e.patience.wait(i, s)
	}
}

func (e *entry) alive(tid int) bool { return e.send(tid, 0) == 0 }
