// Package onethread makes a Go process single-threaded, for good, so that it
// can fork(2) without exec(2) as a C program does.
//
// A child of fork has only the thread that called it. Whatever lock another
// thread held at that moment stays locked in the child for ever: the locks of
// the Go scheduler and allocator, for instance. So the other threads have to
// go, and each at a moment when it holds no lock. The Go runtime has no means
// for that. It only ever makes threads: sysmon, which watches the others, and
// workers, as many as goroutines were ready at a time while the program was
// initialised. [Enter] ends them from outside. What follows says why each step
// is there; most of them were found by a start in a thousand that hung.
//
// # In an init function
//
// The runtime binds the main goroutine to the first thread while packages are
// initialised, and unbinds it before main.main. The one thread that stays must
// be the first: the kernel gives the process's name, its death and the sight
// that others have of it in /proc to that one. runtime.LockOSThread would bind
// the goroutine as well, but it starts another thread, and a bound goroutine
// needs a second thread for every yield.
//
// # One processor, no collector
//
// GOMAXPROCS(1) takes away from the other threads what they need to run Go
// code: the main goroutine has the only processor and, as long as it does not
// block, keeps it. The garbage collector would start goroutines and wait for
// them; it is switched off, GOMEMLIMIT included. The stack is grown at once, so
// that no call later allocates one, which would take locks while a thread is
// held, and copy pages that forked processes share.
//
// # Pin
//
// sysmon asks a goroutine that has run for 10 ms to make room for others. While
// the main goroutine is pinned (runtime.procPin) it does not: in an init
// function that takes another thread, which may be the one that is held.
//
// # Hold
//
// A signal handler, in assembly because it runs on threads that are in the
// middle of anything, tells where a thread was interrupted and waits for the
// verdict: leave, which is exit(2), not exit_group(2) (thr_exit(2) on FreeBSD),
// or go on. Threads are held one at a time, and one that goes on acknowledges
// it before the next is asked, because there is one word for all of them.
//
// The signal is one that no thread of a Go program blocks. A parent may have
// started the process with every signal blocked; the runtime unblocks some in
// any case, among them 32 to 34, which belong to the C libraries that are not
// here. SIGURG, another one, is what sysmon sends to the main thread. On FreeBSD
// the runtime unblocks none of these, but SIGPROF, which serves as well.
//
// # Look
//
// While a thread is held no function of the runtime may be called that could
// want a lock. Its stack is copied by following the frame pointers, provided
// that it is in a system call: only there the frame pointer can be relied on.
// What functions these are is looked up when the thread has gone on, and a
// thread at rest will be found at the same place again.
//
// A thread may leave from two places: sysmon from its sleep between two rounds,
// any other from mPark, where it waits for something to run. Nobody can wake it
// there with something to run, since this goroutine has the only processor.
// Found anywhere else, it goes on, and is tried again later.
//
// # sysmon first
//
// sysmon may have asked the main goroutine to yield before it left. The request
// is served by one runtime.Gosched while other threads are still there: the
// goroutine is bound to the first thread, so another one has to run the
// scheduler and hand it back. After that nobody is left to ask. What may stay is
// a mark on the processor, which only the handler of SIGURG looks at; so that
// handler goes, too.
//
// # Done
//
// The runtime counts the threads that it has made. When as many have left, the
// process has one. /proc/self/task serves only to find their ids; where it is
// missing or shows the ids of another namespace, numbers are tried. On FreeBSD
// sysctl(3) lists them. If the threads do not come to rest within a second of
// waiting, Enter fails, and the process must end: half-threaded it would work
// nearly always.
//
// # Afterwards
//
// No thread is made again as long as the main goroutine does not block in the
// scheduler: no other goroutine, no channel, no timer, no package os or net.
// Even runtime.GC works, because it only yields, and with one processor nobody
// else is woken. To call the system use RawSyscall and its like, which the
// scheduler does not hear of.
package onethread
