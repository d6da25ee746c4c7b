// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// relay is a process between the input of this one and the standard input of
// the program that replaces it. It writes first what was read ahead and then
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
	var pair, order [2]int32
	if err := pipeAbove(&pair); err != 0 {
		return err
	}
	if err := pipeAbove(&order); err != 0 {
		closePair(&pair)
		return err
	}
	input, err := sys.DupAbove(stdin, firstFree, true)
	if err == 0 {
		err = forkDetached(func() { runRelay(ahead, pair[1], order[0]) })
	}
	if err == 0 {
		err = sys.Dup3(int(pair[0]), stdin, 0)
	}
	closePair(&pair)
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
		_, err := sys.Wait4(pid, &status, 0, nil)
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
		if err != 0 || n == 0 || writeAll(relayOut, b[:n]) != 0 {
			return
		}
	}
}
