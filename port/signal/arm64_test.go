//go:build linux

package signal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/test/porttest"
)

// The emulator takes a SIGSEGV from outside for a fault and knows no more than
// half of the real-time signals. It leaves what it does not know of a siginfo
// as it finds it. What it does well shows that the handler works.
func TestHandlerOnArm64(t *testing.T) {
	emulator := porttest.Emulator(t, "aarch64")
	path := filepath.Join(t.TempDir(), "recorder")
	if err := build(path, "GOARCH=arm64"); err != nil {
		t.Fatal(err)
	}
	start := func(t *testing.T, do string) *program {
		return startCommand(t, do, exec.Command(emulator, path))
	}

	t.Run("writes records", func(t *testing.T) {
		p := start(t, "")
		p.kill(t, syscall.SIGTERM)
		want := []int32{int32(syscall.SIGTERM), int32(os.Getpid())}
		if diff := cmp.Diff(want, senders(p.records(t, "p"))); diff != "" {
			t.Errorf("signals and senders (-want +got):\n%s", diff)
		}
	})
	t.Run("keeps records", func(t *testing.T) {
		p := start(t, "broken-pipe")
		p.kill(t, syscall.SIGUSR2)
		p.kill(t, syscall.SIGUSR1)
		pid := int32(os.Getpid())
		want := []int32{int32(syscall.SIGUSR1), pid, int32(syscall.SIGUSR2), pid, int32(syscall.SIGPIPE), int32(p.pid)}
		if diff := cmp.Diff(want, senders(p.records(t, "o"))); diff != "" {
			t.Errorf("signals and senders (-want +got):\n%s", diff)
		}
	})
	t.Run("leaves the interrupted program as it was", func(t *testing.T) {
		start(t, "no-pipe").compute(t, 1000)
	})
	t.Run("lets a fault end the process", func(t *testing.T) {
		p := start(t, "")
		p.command(t, "s")
		p.killedBy(t, syscall.SIGSEGV)
	})
	t.Run("tells a fault", func(t *testing.T) {
		p := start(t, "tell")
		p.command(t, "s")
		p.killedBy(t, syscall.SIGSEGV)
		toldFault(t, p)
	})
	t.Run("lets a breakpoint end the process", func(t *testing.T) {
		p := start(t, "")
		p.command(t, "b")
		p.killedBy(t, syscall.SIGTRAP)
	})
}

// senders returns the number of each signal and the process that sent it.
func senders(records []record) (s []int32) {
	for _, r := range records {
		s = append(s, r.Signo, r.Pid)
	}
	return s
}
