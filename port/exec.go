package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// Exec runs try, which is to make the system calls that replace the program,
// and returns only if they fail. Before, everything that was gathered goes
// out, and the parent is told that its child's frames end here.
//
// Input that was read ahead belongs to the new program. In a forked child
// there is none, since its parent holds it back (feed.go). In the top-level
// process a relay hands it on, for which a process is forked: then the error
// may also be that of fork(2) or pipe(2), with nothing lost.
func (p *Process) Exec(try func() sys.Errno) sys.Errno {
	p.Flush()
	p.in.restore()
	held := signal.Held()
	hold := signal.Hold(false) // a program must not begin with signals blocked
	signal.Release(held)
	err := p.exec(try)
	signal.Hold(hold)
	return err
}

func (p *Process) exec(try func() sys.Errno) sys.Errno {
	var r relay
	if p.in.len() > 0 {
		if err := r.start(p.in.bytes()); err != 0 {
			return err
		}
	}
	if p.parent {
		kind := uint32(noticeExec)
		if p.kept[control] {
			kind = noticeKept
		}
		p.execed = true
		p.notify(kind)
	}
	if p.kept[signalWrite] {
		handOverIgnored()
	}
	var t taken
	err := t.give(&p.Options.Given)
	if err == 0 {
		err = try()
		t.back()
	}
	if p.parent {
		p.notify(noticeFailed)
	}
	r.cancel()
	return err
}

// ignoredMark is in place of si_code in a record that is no siginfo: signal 0,
// and from ignoredAt on the set of signals that the process ignored.
const (
	ignoredMark = 0x69676e6f
	ignoredAt   = 16
)

// handOverIgnored tells this program, if it is what will be executed and keeps
// the signal pipe, which signals are ignored. It cannot find out: the Go
// runtime handles them before any of its code runs.
func handOverIgnored() {
	var record [signal.InfoSize]byte
	put32(record[8:], ignoredMark)
	for signo := 1; signo <= signal.Max; signo++ {
		if d, err := signal.Get(signo); err == 0 && d == signal.Ignore {
			record[ignoredAt+signo>>3] |= 1 << (signo & 7)
		}
	}
	sys.Write(signalWrite, record[:])
}

// takeIgnored ignores what the program before this one did. Records of signals
// that it had not handled go back into the pipe.
func (p *Process) takeIgnored() {
	const pipeful = 512
	for range pipeful {
		record := p.records[:signal.InfoSize]
		if n, err := sys.Read(signalRead, record); err != 0 || n != len(record) {
			return
		}
		if signalNumber(record) == 0 && get32(record[8:]) == ignoredMark {
			ignoreAgain(record)
			return
		}
		sys.Write(signalWrite, record)
	}
}

func ignoreAgain(record []byte) {
	for signo := 1; signo <= signal.Max; signo++ {
		if record[ignoredAt+signo>>3]&(1<<(signo&7)) != 0 {
			signal.Set(signo, signal.Ignore)
		}
	}
}

// relay is a process between the input of this one and the standard input of
// the program that replaces it: it writes first what was read ahead and then
// what comes, until either side is gone. It waits until the exec has happened,
// which closes the descriptor that it reads its order from.
type relay struct {
	started bool
	order   int32 // write end; closed by exec. A byte written to it: go away
	input   int32 // descriptor 0 as it was
}

const (
	relayOut   = 1
	relayOrder = 2
)

func (r *relay) start(ahead []byte) sys.Errno {
	var data, order [2]int32
	if err := pipeAbove(&data); err != 0 {
		return err
	}
	if err := pipeAbove(&order); err != 0 {
		closePair(&data)
		return err
	}
	input, err := sys.DupAbove(stdin, firstFree, true)
	if err == 0 {
		err = forkDetached(func() { runRelay(ahead, data[1], order[0]) })
	}
	if err == 0 {
		err = sys.Dup3(int(data[0]), stdin, 0)
	}
	closePair(&data)
	sys.Close(int(order[0]))
	if err != 0 {
		sys.Close(int(order[1]))
		if input > 0 {
			sys.Close(input)
		}
		return err
	}
	*r = relay{started: true, order: order[1], input: int32(input)}
	return 0
}

// cancel takes the relay out again after an exec that failed.
func (r *relay) cancel() {
	if !r.started {
		return
	}
	sys.Write(int(r.order), []byte{1})
	sys.Close(int(r.order))
	sys.Dup3(int(r.input), stdin, 0)
	sys.Close(int(r.input))
}

func pipeAbove(p *[2]int32) sys.Errno {
	if err := sys.Pipe2(p, sys.O_CLOEXEC); err != 0 {
		return err
	}
	err := lift(p)
	if err != 0 {
		closePair(p)
	}
	return err
}

func closePair(p *[2]int32) {
	sys.Close(int(p[0]))
	sys.Close(int(p[1]))
}

// forkDetached runs f in a process that nobody here is the parent of: the
// program that follows knows nothing of it and would not wait for it.
func forkDetached(f func()) sys.Errno {
	pid, err := sys.Fork()
	if err != 0 {
		return err
	}
	if pid == 0 {
		child, err := sys.Fork()
		if err == 0 && child == 0 {
			f()
		}
		sys.Exit(int(err))
	}
	var status int32
	for {
		_, err := sys.Wait4(pid, &status, 0)
		if err != sys.EINTR {
			return sys.Errno(sys.WaitStatus(status).ExitStatus())
		}
	}
}

func runRelay(ahead []byte, out, order int32) {
	for signo := 1; signo <= signal.Max; signo++ {
		signal.Set(signo, signal.Default)
	}
	sys.Dup3(int(out), relayOut, 0)
	sys.Dup3(int(order), relayOrder, 0)
	closeFrom(relayOrder + 1)
	var b [4096]byte
	if n, _ := sys.Read(relayOrder, b[:1]); n != 0 {
		return
	}
	sys.Close(relayOrder)
	writeAll(relayOut, ahead)
	for {
		n, err := sys.Read(stdin, b[:])
		if err != 0 || n == 0 || !writeAll(relayOut, b[:n]) {
			return
		}
	}
}

func writeAll(fd int, b []byte) bool {
	for len(b) > 0 {
		n, err := sys.Write(fd, b)
		if err != 0 {
			return false
		}
		b = b[n:]
	}
	return true
}
