package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

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
