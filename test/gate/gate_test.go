//go:build linux

// SPDX-License-Identifier: ISC

package gate_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"

	"github.com/alcove-go/alcove/test/gate"
	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func TestTheProgramNeedsNothingOfTheGoRuntimeOnAnyMachine(t *testing.T) {
	for _, target := range []struct{ system, machine string }{
		{"linux", "386"}, {"linux", "amd64"}, {"linux", "arm"}, {"linux", "arm64"}, {"linux", "riscv64"},
		{"freebsd", "amd64"}, {"freebsd", "arm64"},
	} {
		t.Run(target.system+"/"+target.machine, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "alcove")
			if err := porttest.Build(program, ".", "STRIP=", "GOOS="+target.system, "GOARCH="+target.machine); err != nil {
				t.Fatal(err)
			}
			wrong, err := gate.Calls(program)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range wrong {
				t.Error(line)
			}
		})
	}
}

// needs builds the program that uses the Go runtime.
func needs(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "needs")
	if err := porttest.Build(path, "test/gate/testdata/needs", "STRIP="); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestWhatAProgramNeedsOfTheGoRuntimeIsFound(t *testing.T) {
	wrong, err := gate.Calls(needs(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{
		`^runtime\.(newobject|mallocgc\w*) is called by main\.deferred$`,
		`^runtime\.deferproc.* is called by main\.deferred$`,
		`^package main is initialised by code$`,
	} {
		found := false
		for _, line := range wrong {
			found = found || regexp.MustCompile(pattern).MatchString(line)
		}
		if !found {
			t.Errorf("nothing like %s in %q", pattern, wrong)
		}
	}
}

func TestAProgramThatWasLinkedWithoutItsEntryIsFound(t *testing.T) {
	program := filepath.Join(t.TempDir(), "alcove")
	build := exec.Command("go", "build", "-o", program, "../..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	wrong, err := gate.Calls(program)
	if err != nil {
		t.Fatal(err)
	}
	if len(wrong) == 0 || wrong[len(wrong)-1] != "the program was linked without its entry" {
		t.Errorf("found %q", wrong)
	}
}

func TestAProgramEndsWhereItNeedsTheGoRuntime(t *testing.T) {
	program := needs(t)
	trapped := program + ".trapped"
	if err := gate.Trap(program, program, trapped); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		what string
		want syscall.WaitStatus
	}{
		{"nothing", 0},
		{"allocator", syscall.WaitStatus(syscall.SIGTRAP)},
		{"stack", syscall.WaitStatus(syscall.SIGTRAP)},
		{"defer", syscall.WaitStatus(syscall.SIGTRAP)},
		{"index", syscall.WaitStatus(syscall.SIGTRAP)},
	} {
		t.Run(test.what, func(t *testing.T) {
			var got syscall.WaitStatus
			err := exec.Command(trapped, test.what).Run()
			if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
				got = exit.Sys().(syscall.WaitStatus) &^ 0x80 // dumped core or not
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
		})
	}
}
