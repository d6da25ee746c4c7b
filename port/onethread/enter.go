package onethread

import (
	"runtime"

	"github.com/alcove-go/alcove/port/sys"
)

// Error says why a process did not become single-threaded.
type Error string

func (e Error) Error() string { return string(e) }

const (
	// ErrNotFirst is returned by Enter, on Linux, when it is not called on the
	// first thread of the process, that is, not from an init function.
	ErrNotFirst = Error("not on the first thread of the process")

	// ErrGoroutines is returned by Enter when there are goroutines besides
	// the main one and those of the runtime.
	ErrGoroutines = Error("a package has started a goroutine")

	// ErrRestless is returned by Enter when a thread of the Go runtime did
	// not come to rest in time.
	ErrRestless = Error("a thread of the Go runtime does not come to rest")

	// ErrUnlisted is returned by Enter, on FreeBSD, when the kernel does not
	// list the threads of the process.
	ErrUnlisted = Error("the kernel does not list the threads of the process")
)

// Enter ends every thread of the process but the calling one, for good. It
// must be called from an init function of package main. From then on nothing
// may wait in the Go scheduler: no goroutine, channel, timer or package os.
//
// It also switches the garbage collector off and grows the stack, so that
// neither happens later. When it returns an error the process still has other
// threads and must end.
func Enter() error {
	if runtime.NumGoroutine() != 1 {
		return ErrGoroutines
	}
	setGCPercent(-1)
	setMemoryLimit(noMemoryLimit)
	runtime.GOMAXPROCS(1)
	growStack()

	e := entry{pid: sys.Getpid()}
	if !e.onFirst() {
		return ErrNotFirst
	}
	install := installHandler()

	// While pinned, this goroutine is not preempted. Without the pin sysmon,
	// which sees it run for long, may preempt it; it would then wait for a
	// thread that is being held.
	procPin()
	err := e.run()
	endPreemption()
	procUnpin()
	if err == nil {
		install.restore()
	}
	return err
}

// maxThreads is how many threads one round deals with.
const maxThreads = 64

// entry is the state of one call of Enter.
type entry struct {
	pid        int
	patience   patience
	functions  functionCache
	sysmonGone bool
	ended      int // threads
}

// run ends the other threads. It is done when the runtime knows of none but
// those that have ended: it made them, so it cannot be wrong, while a list of
// threads is old as soon as it is read.
func (e *entry) run() error {
	var tids [maxThreads]int32
	for n := 0; e.known() > 0; n++ {
		if e.patience.over() {
			return ErrRestless
		}
		others, err := e.otherThreads(tids[:])
		if err != nil {
			return err
		}
		for _, tid := range others {
			e.take(int(tid))
		}
		e.patience.wait(n, free)
	}
	return nil
}

// known is how many other threads the Go runtime has made that have not been
// ended here. It still counts those that have.
func (e *entry) known() int {
	made, _ := runtime.ThreadCreateProfile(nil)
	return made - 1 - e.ended
}

// take ends a thread if it is at rest, and does nothing otherwise.
func (e *entry) take(tid int) {
	if !e.hold(tid) {
		return
	}
	stack := heldStack()
	switch what := e.functions.classify(&stack); {
	case what == restingSysmon:
		e.sysmonGone = e.leave(tid)
		drainPreemption()
	case what == restingWorker && e.sysmonGone:
		// Not before sysmon, which may have asked this goroutine to yield:
		// the yield needs another thread.
		e.leave(tid)
	default:
		e.goOn(tid)
		e.functions.learn(&stack)
	}
}

// endPreemption takes the handler of SIGURG away. With a worker that was parked
// the yield of drainPreemption leaves the request noted on the processor, which
// the handler would serve for whoever sends the signal: this goroutine would
// wait for a thread to run it.
func endPreemption() {
	var none sys.Sigaction // by default the signal is ignored
	sys.SetSigaction(sys.SIGURG, &none, nil)
}

// drainPreemption lets a preemption happen that sysmon asked for before it
// went. In an init function the main goroutine is bound to the first thread,
// so that another thread has to run the scheduler and hand it back.
func drainPreemption() {
	procUnpin()
	runtime.Gosched()
	procPin()
}
