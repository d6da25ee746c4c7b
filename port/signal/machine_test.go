//go:build linux

// SPDX-License-Identifier: ISC

package signal_test

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/test/porttest"
)

// An emulator takes a SIGSEGV from outside for a fault and knows no more than half of the
// real-time signals, by other numbers. It leaves what it does not know of a siginfo as it
// finds it. What it does well shows that the handler works.
func TestHandlerOnOtherMachines(t *testing.T) {
	for _, m := range []struct {
		arch     string
		emulator string // "" where the kernel runs it
		pidAt    int    // in a siginfo
	}{
		{"386", "", 12}, {"arm", "arm", 12}, {"arm64", "aarch64", 16}, {"riscv64", "riscv64", 16},
	} {
		t.Run(m.arch, func(t *testing.T) {
			var command []string
			if m.emulator != "" {
				command = append(command, porttest.Emulator(t, m.emulator))
			}
			path := filepath.Join(t.TempDir(), "recorder")
			if err := build(path, "GOARCH="+m.arch); err != nil {
				t.Fatal(err)
			}
			command = append(command, path)
			testHandler(t, m.pidAt, func(t *testing.T, do string) *program {
				return startCommand(t, do, exec.Command(command[0], command[1:]...))
			})
		})
	}
}

func testHandler(t *testing.T, pidAt int, start func(t *testing.T, do string) *program) {
	pid := int32(os.Getpid())
	t.Run("writes records", func(t *testing.T) {
		p := start(t, "")
		p.kill(t, syscall.SIGTERM)
		want := []int32{int32(syscall.SIGTERM), pid}
		if diff := cmp.Diff(want, p.senders(t, "p", pidAt)); diff != "" {
			t.Errorf("signals and senders (-want +got):\n%s", diff)
		}
	})
	t.Run("keeps records", func(t *testing.T) {
		p := start(t, "broken-pipe")
		p.kill(t, syscall.SIGUSR2)
		p.kill(t, syscall.SIGUSR1)
		want := []int32{int32(syscall.SIGUSR1), pid, int32(syscall.SIGUSR2), pid, int32(syscall.SIGPIPE), int32(p.pid)}
		if diff := cmp.Diff(want, p.senders(t, "o", pidAt)); diff != "" {
			t.Errorf("signals and senders (-want +got):\n%s", diff)
		}
	})
	t.Run("holds back a signal whose record it kept", func(t *testing.T) {
		p := start(t, "hold")
		const times = 2 // an emulator keeps no more than one that is blocked
		for range times {
			p.sigqueue(t, rt, 1)
		}
		for all := 0; all < times; {
			n := len(p.infos(t, "r"))
			if n > 1 {
				t.Errorf("%d records are kept", n)
			}
			all += n
		}
		if n := len(p.infos(t, "r")); n > 0 {
			t.Errorf("%d more", n)
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

// senders reads the number of each signal and the process that sent it.
func (p *program) senders(t *testing.T, command string, pidAt int) (s []int32) {
	t.Helper()
	for _, info := range p.infos(t, command) {
		s = append(s, parse(info[:]).Signo, int32(binary.NativeEndian.Uint32(info[pidAt:])))
	}
	return s
}
