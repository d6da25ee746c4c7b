// SPDX-License-Identifier: ISC

package signal_test

import (
	"bufio"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/test/porttest"
)

// recorder is the path of the test program.
var recorder string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "signal")
	if err != nil {
		panic(err)
	}
	recorder = filepath.Join(dir, "recorder")
	if err := build(recorder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	os.RemoveAll(dir)
	os.Exit(status)
}

// build makes the test program.
func build(path string, env ...string) error {
	return porttest.Build(path, "port/signal/testdata/recorder", append(env, "STRIP=")...)
}

// limit is how long anything may take that takes milliseconds.
const limit = 60 * time.Second

// program is a running recorder.
type program struct {
	cmd    *exec.Cmd
	pid    int
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *strings.Builder // complete when the recorder has ended
}

// start runs the recorder with DO=do until it is ready. When the test ends it
// must still be running, unless the test has waited for its end.
func start(t *testing.T, do string) *program {
	t.Helper()
	return startCommand(t, do, exec.Command(recorder))
}

// startCommand does what start does, for a command that runs the recorder.
func startCommand(t *testing.T, do string, cmd *exec.Cmd) *program {
	t.Helper()
	p := &program{cmd: cmd}
	p.cmd.Env = []string{"DO=" + do}
	p.stderr = new(strings.Builder)
	if p.cmd.Stderr == nil {
		p.cmd.Stderr = p.stderr
	}
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin, p.stdout = stdin, bufio.NewReader(stdout)
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.pid = p.cmd.Process.Pid
	hang := time.AfterFunc(limit, func() { p.cmd.Process.Kill() })
	t.Cleanup(func() {
		p.stdin.Close()
		if p.cmd.ProcessState == nil {
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("recorder: %v\n%s", err, p.stderr)
			}
		}
		hang.Stop()
	})
	p.line(t, "ready")
	return p
}

// command makes the recorder do something.
func (p *program) command(t *testing.T, c string) {
	t.Helper()
	if _, err := io.WriteString(p.stdin, c); err != nil {
		t.Fatal(err)
	}
}

// line reads a line from the recorder.
func (p *program) line(t *testing.T, want string) {
	t.Helper()
	got, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatalf("line = %q, %v", got, err)
	}
	if diff := cmp.Diff(want, strings.TrimSuffix(got, "\n")); diff != "" {
		t.Fatalf("line (-want +got):\n%s", diff)
	}
}

// infos reads the siginfos that the recorder shows for a command.
func (p *program) infos(t *testing.T, command string) (all [][signal.InfoSize]byte) {
	t.Helper()
	p.command(t, command)
	for {
		var b [signal.InfoSize]byte
		if _, err := io.ReadFull(p.stdout, b[:]); err != nil {
			t.Fatal(err)
		}
		if b == [signal.InfoSize]byte{} {
			return all
		}
		all = append(all, b)
	}
}

// records reads records of the siginfos that the recorder shows for a command.
func (p *program) records(t *testing.T, command string) (rs []record) {
	t.Helper()
	for _, info := range p.infos(t, command) {
		rs = append(rs, parse(info[:]))
	}
	return rs
}

// recordOf has a signal sent and reads the record of it. While as many signals as may be are queued
// for processes of the user, whichever these are, the kernel sends a signal without its siginfo:
// then it is sent again.
func (p *program) recordOf(t *testing.T, s syscall.Signal, send func()) []record {
	t.Helper()
	lost := []record{{Signo: int32(s), Code: siUser}}
	for {
		send()
		if got := p.records(t, "p"); !slices.Equal(got, lost) {
			return got
		}
	}
}

func (p *program) kill(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.pid, s); err != nil {
		t.Fatal(err)
	}
}

// record is what a siginfo_t has of a signal that a process sent.
type record struct {
	Signo, Errno, Code, Pid, UID int32
	Value                        uint64
}

func parse(b []byte) record {
	word := func(i int) int32 { return int32(binary.NativeEndian.Uint32(b[i:])) }
	return record{
		Signo: word(0), Errno: word(4), Code: word(8),
		Pid: word(atPid), UID: word(atPid + 4),
		Value: binary.NativeEndian.Uint64(b[atValue:]),
	}
}

// killed returns the record of a signal that this process sent with kill(2).
func killed(s syscall.Signal) record {
	return record{Signo: int32(s), Code: siUser, Pid: int32(os.Getpid()), UID: int32(os.Getuid())}
}

// queued returns the record of a signal that this process sent with sigqueue(3).
func queued(s syscall.Signal, value uint64) record {
	r := killed(s)
	r.Code, r.Value = siQueue, value
	return r
}

func TestHandlerWritesSiginfo(t *testing.T) {
	p := start(t, "")
	for s := syscall.Signal(1); s <= signal.Max; s++ {
		switch s {
		case syscall.SIGKILL, syscall.SIGSTOP, 32, 33:
			continue
		}
		want := []record{killed(s)}
		got := p.recordOf(t, s, func() { p.kill(t, s) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("signal %d sent with kill (-want +got):\n%s", s, diff)
		}
		want = []record{queued(s, 1<<40+uint64(s))}
		got = p.recordOf(t, s, func() { p.sigqueue(t, s, 1<<40+uint64(s)) })
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("signal %d sent with sigqueue (-want +got):\n%s", s, diff)
		}
	}
	if diff := cmp.Diff([]record(nil), p.records(t, "o")); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
}

const rt = syscall.Signal(40) // a real-time signal: each one sent is delivered

func TestFullPipeKeepsTheLatestRecordOfEachSignal(t *testing.T) {
	p := start(t, "full-pipe")
	p.sigqueue(t, rt, 1)
	if diff := cmp.Diff([]record(nil), p.records(t, "o")); diff != "" {
		t.Errorf("records kept while there is room (-want +got):\n%s", diff)
	}
	for i := uint64(2); i < 300; i++ {
		p.sigqueue(t, rt, i)
		p.sigqueue(t, rt+1, i)
	}
	p.kill(t, syscall.SIGTERM)
	p.kill(t, syscall.SIGSEGV) // sent by a process, so no fault
	inPipe := p.records(t, "p")
	for len(inPipe) == 0 { // what fills the pipe is zero, as is the end of the records
		inPipe = p.records(t, "")
	}
	if diff := cmp.Diff([]record{queued(rt, 1)}, inPipe); diff != "" {
		t.Errorf("records in the pipe (-want +got):\n%s", diff)
	}
	want := []record{
		killed(syscall.SIGSEGV),
		killed(syscall.SIGTERM),
		queued(rt, 299),
		queued(rt+1, 299),
	}
	if diff := cmp.Diff(want, p.records(t, "o")); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
}

func TestStoppedProcessMissesNoSignal(t *testing.T) {
	p := start(t, "")
	p.kill(t, syscall.SIGSTOP)
	p.stopped(t, syscall.SIGSTOP)
	var want []record
	for s := syscall.Signal(1); s < 32; s++ {
		switch s {
		case syscall.SIGKILL, syscall.SIGSTOP, syscall.SIGCONT:
			continue
		case syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU:
			continue // SIGCONT takes them away
		}
		for range 3 {
			p.kill(t, s)
		}
		want = append(want, killed(s))
	}
	for i := uint64(0); i < 100; i++ {
		p.sigqueue(t, rt, i)
		want = append(want, queued(rt, i))
	}
	p.kill(t, syscall.SIGCONT)
	got := p.records(t, "p")
	var cont int
	var rest []record
	for _, r := range got {
		if r == killed(syscall.SIGCONT) {
			cont++
		} else {
			rest = append(rest, r)
		}
	}
	if cont != 1 {
		t.Errorf("%d records of SIGCONT, want 1", cont)
	}
	sortRecords(rest)
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func TestMissingPipeKeepsRecords(t *testing.T) {
	p := start(t, "no-pipe")
	p.kill(t, syscall.SIGUSR1)
	want := []record{killed(syscall.SIGUSR1)}
	if diff := cmp.Diff(want, p.records(t, "o")); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
}

// Of a signal that is held back no more comes before the record is taken, of others it does.
func TestHandlerHoldsBackASignalWhoseRecordItKept(t *testing.T) {
	p := start(t, "hold")
	for n := range uint64(3) {
		p.sigqueue(t, rt, n)
		p.sigqueue(t, rt+1, 10+n)
	}
	for n := range uint64(3) {
		want := []record{queued(rt, n), queued(rt+1, 10+n)}
		if diff := cmp.Diff(want, p.records(t, "r")); diff != "" {
			t.Errorf("kept records (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff([]record(nil), p.records(t, "r")); diff != "" {
		t.Errorf("kept records at the end (-want +got):\n%s", diff)
	}
}

// A signal that comes while records are taken is blocked, and its record may be taken with
// them: it has to be unblocked with the others.
func TestSignalThatComesWhileRecordsAreTakenIsNotBlockedForGood(t *testing.T) {
	p := start(t, "hold")
	raised := record{Signo: 44, Pid: int32(p.pid), UID: int32(os.Getuid())}
	for n := range uint64(2) {
		p.sigqueue(t, rt, n)
		if diff := cmp.Diff([]record{queued(rt, n), raised}, p.records(t, "k")); diff != "" {
			t.Errorf("kept records (-want +got):\n%s", diff)
		}
	}
}

func TestBrokenPipeRaisesOneMoreSignalOnly(t *testing.T) {
	p := start(t, "broken-pipe")
	p.kill(t, syscall.SIGUSR1)
	p.kill(t, syscall.SIGUSR2)
	got := p.records(t, "o")
	sigpipe := record{Signo: int32(syscall.SIGPIPE), Pid: int32(p.pid), UID: int32(os.Getuid())}
	want := []record{killed(syscall.SIGUSR1), killed(syscall.SIGUSR2), sigpipe}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("kept records (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]record(nil), p.records(t, "o")); diff != "" {
		t.Errorf("kept records afterwards (-want +got):\n%s", diff)
	}
}

// last is the number that ends what the recorder does with records.
const last = 1 << 20

// numbered returns a siginfo_t that says n wherever the kernel passes it on.
func numbered(n uint32) (info [signal.InfoSize]byte) {
	for i := 16; i < 48; i += 4 {
		binary.NativeEndian.PutUint32(info[i:], n)
	}
	return info
}

func TestHandlerLeavesTheInterruptedProgramAsItWas(t *testing.T) {
	p := start(t, "no-pipe")
	p.compute(t, 20000)
}

// compute makes the recorder calculate while signals arrive.
func (p *program) compute(t *testing.T, signals uint32) {
	t.Helper()
	p.command(t, "c")
	for n := uint32(1); n <= signals; n++ {
		p.queue(t, rt, numbered(n))
	}
	p.queue(t, rt, numbered(last))
	p.line(t, "0")
}

func TestFaultEndsTheProcess(t *testing.T) {
	tests := []struct {
		name, do, command string
		want              syscall.Signal
	}{
		{name: "nil pointer", command: "s", want: syscall.SIGSEGV},
		{name: "breakpoint", command: "b", want: syscall.SIGTRAP},
		{name: "nil pointer under a filter", do: "strict", command: "s", want: syscall.SIGSEGV},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := start(t, tt.do)
			p.command(t, tt.command)
			p.killedBy(t, tt.want)
		})
	}
}

func TestAFaultIsToldInOneLine(t *testing.T) {
	p := start(t, "tell")
	p.command(t, "s")
	p.killedBy(t, syscall.SIGSEGV)
	toldFault(t, p)
}

// toldFault checks what a recorder said of a nil pointer: what it was, and where in the function.
func toldFault(t *testing.T, p *program) {
	t.Helper()
	var at uint64
	if _, err := fmt.Sscanf(p.stderr.String(), "alcove: signal 11, address 0x0, at 0x%x\n", &at); err != nil {
		t.Fatalf("told %q", p.stderr)
	}
	symbols, err := elf.Open(p.cmd.Args[len(p.cmd.Args)-1])
	if err != nil {
		t.Fatal(err)
	}
	defer symbols.Close()
	all, err := symbols.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Value <= at && at < s.Value+s.Size && elf.ST_TYPE(s.Info) == elf.STT_FUNC {
			if s.Name != "main.fault" {
				t.Errorf("the fault is in %s, %#x, want main.fault", s.Name, at)
			}
			return
		}
	}
	t.Errorf("the fault is in no function: %#x", at)
}

func TestAFaultIsNotToldWhereNobodyReads(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	raw, err := w.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	full := raw.Write(func(fd uintptr) bool {
		for {
			if _, err := syscall.Write(int(fd), make([]byte, 512)); err != nil {
				return true // it does not block here
			}
		}
	})
	if full != nil {
		t.Fatal(full)
	}
	cmd := exec.Command(recorder)
	cmd.Stderr = w
	p := startCommand(t, "tell", cmd)
	p.command(t, "s")
	p.killedBy(t, syscall.SIGSEGV)
}

// killedBy waits for the end of the recorder by a signal.
func (p *program) killedBy(t *testing.T, want syscall.Signal) {
	t.Helper()
	exit, ok := p.cmd.Wait().(*exec.ExitError)
	if !ok {
		t.Fatal("the recorder exited")
	}
	if diff := cmp.Diff(want, exit.Sys().(syscall.WaitStatus).Signal()); diff != "" {
		t.Errorf("signal that ended the recorder (-want +got):\n%s", diff)
	}
}

func TestHandlerMakesOnlyTheSystemCallsOfStrictMode(t *testing.T) {
	p := start(t, "strict")
	p.kill(t, syscall.SIGTERM)
	if diff := cmp.Diff([]record{killed(syscall.SIGTERM)}, p.records(t, "p")); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
}

func sortRecords(rs []record) {
	for i := range rs {
		for j := i; j > 0 && less(rs[j], rs[j-1]); j-- {
			rs[j], rs[j-1] = rs[j-1], rs[j]
		}
	}
}

func less(a, b record) bool {
	if a.Signo != b.Signo {
		return a.Signo < b.Signo
	}
	return a.Value < b.Value
}

// stopped waits until the recorder has stopped for a signal.
func (p *program) stopped(t *testing.T, want syscall.Signal) {
	t.Helper()
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(p.pid, &status, syscall.WUNTRACED, nil); err != nil {
		t.Fatal(err)
	}
	if !status.Stopped() || status.StopSignal() != want {
		t.Fatalf("status = %#x, want stopped by %v", uint32(status), want)
	}
}
