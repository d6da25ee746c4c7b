//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
	"github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

// withSignalPipe gives the process a signal pipe. What is returned writes a record.
func (f *fixture) withSignalPipe() (record func(signo int, rest byte) string) {
	f.t.Helper()
	var pair [2]int32
	if err := sys.Pipe2(&pair, sys.O_CLOEXEC|sys.O_NONBLOCK); err != 0 {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { f.shut(int(pair[0]), int(pair[1])) })
	f.signals, f.poll.fds[placeSignal].FD = int(pair[0]), pair[0]
	return func(signo int, rest byte) string {
		info := make([]byte, signal.InfoSize)
		for i := range info {
			info[i] = rest
		}
		binary.NativeEndian.PutUint32(info, uint32(signo))
		if n, err := sys.Write(int(pair[1]), info); err != 0 || n != len(info) {
			f.t.Fatalf("write to the signal pipe: %d, %v", n, err)
		}
		return string(info)
	}
}

func eventOf(term porttest.Term) string { return eventFrame(string(porttest.Encode(term))) }

func signalEvent(name, info string) string {
	return eventOf(porttest.Tuple{porttest.Atom("signal"), porttest.Atom(name), porttest.Binary(info)})
}

func TestSignalsAreEventsInTheOrderInWhichTheyCame(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	f := newFixture(t)
	record := f.withSignalPipe()
	var want []string
	for i := range 3 * recordsPerRead {
		want = append(want, signalEvent("signal 10", record(10, byte(i))), signalEvent("signal 64", record(64, byte(i))))
	}
	f.rounds()
	f.wantWritten(want...)
}

// A flood of signals is spread over rounds, between which all others are served.
func TestARoundTakesNoMoreSignalsThanItsShare(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	f := newFixture(t)
	record := f.withSignalPipe()
	const rounds = 4
	for i := range rounds * recordsPerRead {
		record(64, byte(i))
	}
	for round := range rounds {
		if !f.ready() {
			t.Fatalf("nothing is left for round %d", round)
		}
		f.round()
		if n := len(framesIn(f.written())); n != recordsPerRead || n > 64 {
			t.Errorf("round %d: %d events, want %d, 64 at most", round, n, recordsPerRead)
		}
	}
}

func TestSIGCHLDIsAnEventForThoseWhoAskedForIt(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	f := newFixture(t)
	record := f.withSignalPipe()
	record(sys.SIGCHLD, 1)
	f.rounds()
	f.wantWritten()
	f.SIGCHLDTaken = true
	info := record(sys.SIGCHLD, 2)
	f.rounds()
	f.wantWritten(signalEvent("signal 17", info))
}

// How a child ended is told after all that it wrote.
func TestTheEndOfAChildIsToldLast(t *testing.T) {
	if !inOwnProcess(t) {
		return
	}
	exitStatus := porttest.Tuple{porttest.Atom("exit_status"), 3}
	termSig := porttest.Tuple{porttest.Atom("termsig"), porttest.Atom("signal 15")}
	for _, test := range []struct {
		name    string
		command string
		options func(*Options)
		want    porttest.Term // nil: nothing
	}{
		{"exit", "exit 3", nil, exitStatus},
		{"signal", "kill -TERM $$", nil, termSig},
		{"exit not to be told", "exit 3", func(o *Options) { o.ExitStatus = false }, nil},
		{"signal not to be told", "kill -TERM $$", func(o *Options) { o.TermSig = false }, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := newFixture(t)
			record := f.withSignalPipe()
			if test.options != nil {
				test.options(&f.Options)
			}
			f.Options.StdinClosed, f.Options.StdoutClosed, f.Options.StderrClosed = true, true, true
			pid := startChild(t, test.command)
			c := f.adoptProcess(pid)
			c.write(c.out, eventFrame("x")+"\x00")
			c.write(c.err, "error output")
			c.close(&c.control, &c.stdin, &c.out, &c.err)
			record(sys.SIGCHLD, 0)
			want := []string{
				proxyFrame(pid, eventFrame("x")),
				ctlFrame(pid, "fdctl_closed"),
				ctlFrame(pid, "stdout_closed"),
				fromChild(porttest.TypeStderr, pid, "error output"),
				ctlFrame(pid, "stderr_closed"),
				ctlFrame(pid, "stdin_closed"),
			}
			if test.want != nil {
				want = append(want, proxyFrame(pid, eventOf(test.want)))
			}
			f.readSignals()
			f.wantWritten(want...)
			f.rounds()
			f.wantWritten()
			if n := f.Slots(); n != 0 {
				t.Errorf("%d slots are kept", n)
			}
		})
	}
}

// startChild runs a shell command and returns when it has ended, but not been waited
// for.
func startChild(t *testing.T, command string) (pid int) {
	t.Helper()
	p, err := os.StartProcess("/bin/sh", []string{"sh", "-c", command}, new(os.ProcAttr))
	if err != nil {
		t.Fatal(err)
	}
	defer p.Release()
	if err := unix.Waitid(unix.P_PID, p.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	return p.Pid
}
