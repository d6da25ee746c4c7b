// SPDX-License-Identifier: ISC

package test

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// options that report streams as closed
var closedOptions = []pt.Atom{"stdin_closed", "stdout_closed", "stderr_closed"}

func reportClosed(p *pt.Port, to pt.Pipeline) {
	for _, o := range closedOptions {
		p.Want(true, to, "setopt", o, 1)
	}
}

func TestProgramReadsAndWritesThroughTheTree(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		a := p.Fork(to)
		p.Exec(a, "cat")
		for i := range 100 {
			line := fmt.Sprintln("line", i)
			p.Stdin(a, line)
			p.Next(pt.Stdout(a, line))
		}
		endOfFile(t, p, a)
		p.Await(pt.ExitStatus(a, 0))
		p.Quiet(nil, to)
	})
}

// kept: cpid lists real descriptor numbers, close on them acts.
func TestClosingADescriptorThatCpidListsIsEndOfFileForTheProgram(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Sh(a, "cat; echo end of file >&2; exit 12")
	s := slotOf(t, p, a)
	if fds := pt.FDs(p.Pid); fds[s.Stdin] != pt.FDs(a.Pid())[0] || fds[s.Stdout] != pt.FDs(a.Pid())[1] || fds[s.Stderr] != pt.FDs(a.Pid())[2] {
		t.Errorf("cpid lists %+v; descriptors of the port %v, of the program %v", s, fds, pt.FDs(a.Pid()))
	}
	p.Stdin(a, "before")
	p.Await(pt.Stdout(a, "before"))
	p.Want(ok, nil, "close", s.Stdin)
	p.Await(pt.Stderr(a, "end of file\n"))
	p.Await(pt.ExitStatus(a, 12))
	if now := slots(t, p, nil); len(now) > 0 {
		t.Errorf("cpid after the end: %+v", now)
	}
}

func TestClosingTheOutputOfAProgramMakesItsWritesFail(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Sh(a, "read line; echo out; echo err >&2; exit 0")
	p.Want(ok, nil, "close", slotOf(t, p, a).Stdout)
	p.Stdin(a, "go\n")
	p.Await(pt.TermSig(a, "sigpipe"))
	p.Quiet()
}

func TestLargeOutputArrivesWholeWithTheProgramsEndBehindIt(t *testing.T) {
	p := pt.Start(t)
	for _, size := range []int{1, 65527, 65528, 65536, 131072, 5 << 20} {
		a := p.Fork(nil)
		p.Sh(a, fmt.Sprintf("head -c %d /dev/zero | tr '\\000' x; exit 6", size))
		if got := p.Finish(a, pt.ExitStatus(a, 6)); got != strings.Repeat("x", size) {
			t.Errorf("%d bytes of %d", len(got), size)
		}
	}
	p.Quiet()
}

// bettered: D19, D27 all output that is in the pipes comes before the exit event.
func TestOutputLeftInThePipesComesBeforeTheExitEvent(t *testing.T) {
	p := pt.Start(t)
	reportClosed(p, nil)
	for range 20 {
		a := p.Fork(nil)
		// The port is busy while the program writes and ends, so that it finds everything at once.
		p.Write(append(pt.ExecFrame(a, "/bin/sh", "-c", "head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2; exit 7"),
			pt.CallFrame(nil, "select", pt.List{}, pt.List{}, pt.List{}, timeval(0, 30000))...))
		p.Await(pt.Ctl(a, "fdctl_closed"))
		var order []string
		count := map[pt.Type]int{}
		for end := false; !end; {
			m := p.Receive("messages of the program", func(m pt.Message) bool { return len(m.From) == 1 })
			switch m.Type {
			case pt.TypeStdout, pt.TypeStderr:
				count[m.Type] += len(m.Data)
			default:
				order = append(order, pt.Format(m.Term()))
			}
			end = m.Is(pt.TypeEvent, a)
		}
		p.Reply(nil, "select") // SIGCHLD may have cut it short
		if count[pt.TypeStdout] != 60000 || count[pt.TypeStderr] != 60000 {
			t.Errorf("before the exit event came %d bytes of stdout and %d of stderr", count[pt.TypeStdout], count[pt.TypeStderr])
		}
		got := strings.Join(order, " ")
		if got != "stdout_closed stderr_closed stdin_closed {exit_status,7}" &&
			got != "stderr_closed stdout_closed stdin_closed {exit_status,7}" {
			t.Errorf("order of the end: %s", got)
		}
		p.Quiet()
	}
}

func TestStreamsAreReportedClosedWhenTheOptionIsOn(t *testing.T) {
	p := pt.Start(t)
	t.Run("by a program that goes on", func(t *testing.T) {
		p := p.With(t)
		reportClosed(p, nil)
		a := p.Fork(nil)
		p.Sh(a, "exec >&-; read x; exec 2>&-; read x; exit 1")
		p.Next(pt.Ctl(a, "stdout_closed"))
		p.Stdin(a, "\n")
		p.Next(pt.Ctl(a, "stderr_closed"))
		p.Stdin(a, "\n")
		p.Next(pt.Ctl(a, "stdin_closed"), pt.ExitStatus(a, 1))
	})
	t.Run("of a process that never exec'ed", func(t *testing.T) {
		p := p.With(t)
		a := p.Fork(nil)
		p.Send(a, "exit", 2)
		p.Next(pt.Ctl(a, "fdctl_closed"))
		streams := map[string]bool{p.Any().String(): true, p.Any().String(): true}
		want := map[string]bool{pt.Ctl(a, "stdout_closed").String(): true, pt.Ctl(a, "stderr_closed").String(): true}
		if diff := cmp.Diff(want, streams); diff != "" {
			t.Error(diff)
		}
		p.Next(pt.Ctl(a, "stdin_closed"), pt.ExitStatus(a, 2))
	})
	t.Run("not when it is off", func(t *testing.T) {
		p := p.With(t)
		for _, o := range closedOptions {
			p.Want(true, nil, "setopt", o, 0)
		}
		a := p.Fork(nil)
		p.Sh(a, "exit 3")
		p.Next(pt.ExitStatus(a, 3))
		p.Quiet()
	})
	t.Run("stdin also when a call closed it", func(t *testing.T) {
		p := p.With(t)
		p.Want(true, nil, "setopt", pt.Atom("stdin_closed"), 1)
		a := p.Fork(nil)
		p.Exec(a, "cat")
		endOfFile(t, p, a)
		p.Next(pt.Ctl(a, "stdin_closed"), pt.ExitStatus(a, 0))
	})
}

func TestEndOfChildrenIsReportedUnlessTheOptionIsOff(t *testing.T) {
	p := pt.Start(t)
	p.Want(true, nil, "setopt", pt.Atom("exit_status"), 0)
	a := p.Fork(nil)
	p.Sh(a, "exit 3")
	pt.Gone(t, a.Pid())
	p.Quiet()
	p.Want(true, nil, "setopt", pt.Atom("exit_status"), 1)
	p.Want(true, nil, "setopt", pt.Atom("termsig"), 0)
	b := p.Fork(nil)
	p.Exec(b, "sleep", "1000")
	p.Signal(b, 9)
	pt.Gone(t, b.Pid())
	p.Quiet()
	c := p.Fork(nil)
	p.Sh(c, "exit 3")
	p.Await(pt.ExitStatus(c, 3))
}

func TestExitStatusIsTheLowByteAndTheSignalIsNamed(t *testing.T) {
	p := pt.Start(t)
	for status, want := range map[int]int{0: 0, 1: 1, 255: 255, 256: 0, 300: 44, -1: 255, -2147483648: 0} {
		a := p.Fork(nil)
		p.Send(a, "exit", status)
		p.Next(pt.Ctl(a, "fdctl_closed"), pt.ExitStatus(a, want))
	}
	for number, name := range map[int]string{1: "sighup", 2: "sigint", 6: "sigabrt", 9: "sigkill", 15: "sigterm",
		29: "sigio", 31: "sigsys", 34: "unknown", 64: "unknown"} {
		a := p.Fork(nil)
		p.Exec(a, "sleep", "1000")
		p.Want(ok, nil, "kill", a.Pid(), number)
		p.Next(pt.TermSig(a, name))
	}
	p.Quiet()
}

// kept: {pipe, N} when a program does not read.
func TestDataThatDoesNotFitInThePipeOfAProgramIsCounted(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		a := p.Fork(to)
		p.Exec(a, "cat")
		p.Signal(a, syscall.SIGSTOP)
		taken := 0
		const chunk = 10000
		for full := false; !full; {
			p.Stdin(a, pt.Bytes(chunk))
			p.Send(to, "getuid")
			switch m := p.Receive("getuid or pipe", func(m pt.Message) bool {
				return m.Is(pt.TypeCall, to) || m.Is(pt.TypePipe, a)
			}); m.Type {
			case pt.TypePipe:
				n, _ := m.Term().(int)
				taken += n
				full = true
				p.Reply(to, "getuid")
			default:
				taken += chunk
			}
		}
		if taken < 65536/2 {
			t.Errorf("%d bytes fit in the pipe", taken)
		}
		p.Signal(a, syscall.SIGCONT)
		endOfFile(t, p, a)
		if out := p.Finish(a, pt.ExitStatus(a, 0)); len(out) != taken {
			t.Errorf("the program got %d bytes, {pipe, N} and whole frames add up to %d", len(out), taken)
		}
	})
}

func TestPipeCountsAreThoseOfAPipeOf64KiB(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "sleep", "1000")
	p.Stdin(a, pt.Bytes(60000))
	p.Stdin(a, pt.Bytes(60000))
	p.Next(pt.Pipe(a, 4096))
	for _, n := range []int{1, 4096, 4097, 60000} {
		p.Stdin(a, pt.Bytes(n))
		if m := p.Any(); n > 4096 && m.String() != pt.Pipe(a, 0).String() || n <= 4096 && m.String() != pt.Pipe(a, 0).String() {
			t.Errorf("%d bytes into a full pipe: %v", n, m)
		}
	}
	p.Signal(a, 9)
	p.Await(pt.TermSig(a, "sigkill"))
}

// Data for every length goes to a reading program byte for byte.
func TestDataOfEverySizeReachesAReadingProgram(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Exec(a, "cat")
	sum, want := sha256.New(), sha256.New()
	for _, size := range []int{1, 2, 3, 4095, 4096, 4097, 8192, 16384, 32768, 65526, 65527} {
		data := pt.Bytes(size)
		want.Write([]byte(data))
		p.Stdin(a, data)
		sum.Write([]byte(p.Output(pt.TypeStdout, a, size)))
	}
	if string(sum.Sum(nil)) != string(want.Sum(nil)) {
		t.Error("the program returned other bytes than it was sent")
	}
	p.Quiet()
}

// bettered: D26 data for a child that has been reaped is answered by badpid.
func TestDataForAChildThatIsReapedButHasOutputOpenIsBadpid(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Sh(a, "sleep 1000 & echo $!; exit 3")
	background := outputInt(t, p, a)
	p.Await(pt.ExitStatus(a, 3))
	p.Stdin(a, "data")
	p.Next(pt.Ctl(a, "badpid"))
	kill(t, background, syscall.SIGKILL)
	pt.Gone(t, background)
	p.Quiet()
	if left := slots(t, p, nil); len(left) > 0 {
		t.Errorf("slot is not free after the last writer has gone: %+v", left)
	}
}

// outputInt takes a line of stdout that is a number.
func outputInt(t testing.TB, p *pt.Port, from pt.Pipeline) int {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(p.Output(pt.TypeStdout, from, 2)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func kill(t testing.TB, pid int, sig syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		t.Fatalf("kill(%d, %v): %v", pid, sig, err)
	}
}

func TestStdoutAndStderrOfAProgramAreKeptApart(t *testing.T) {
	p := pt.Start(t)
	a := p.Fork(nil)
	p.Sh(a, "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done; exit 0")
	out, err := "", ""
	for end := false; !end; {
		switch m := p.Any(); m.Type {
		case pt.TypeStdout:
			out += m.Data
		case pt.TypeStderr:
			err += m.Data
		default:
			if m.String() != pt.ExitStatus(a, 0).String() {
				t.Errorf("unexpected %v", m)
			}
			end = true
		}
	}
	if out != "out 1\nout 2\nout 3\nout 4\nout 5\n" || err != strings.ReplaceAll(out, "out", "err") {
		t.Errorf("stdout %q, stderr %q", out, err)
	}
}

// decided: data for a program that has closed its standard input is dropped without a
// count, as the C port does; the process above it tells by SIGPIPE.
func TestDataForAProgramThatClosedItsInputIsDroppedAndToldBySigpipe(t *testing.T) {
	p := pt.Start(t)
	inEach(t, p, func(t *testing.T, p *pt.Port, to pt.Pipeline) {
		a := p.Fork(to)
		p.Sh(a, "exec <&-; echo closed; exec sleep 1000")
		p.Await(pt.Stdout(a, "closed\n"))
		p.Stdin(a, "nobody reads this")
		p.SignalOf(to, "sigpipe")
		p.Quiet(to) // no alcove_pipe
		p.Signal(a, syscall.SIGKILL)
		p.Await(pt.TermSig(a, "sigkill"))
	})
}
