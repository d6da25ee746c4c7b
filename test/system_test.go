// SPDX-License-Identifier: ISC

package test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// What can be known here of the program on a system that is not here: it compiles, vet finds
// nothing in it or in its tests, and it needs nothing but the kernel. A test file that is only for
// Linux says so (//go:build linux).
func TestProgramOfFreeBSDCompilesAndVetFindsNothing(t *testing.T) {
	for _, m := range []struct {
		arch    string
		machine elf.Machine
		vetted  []string // all packages once, and for each machine those that have assembly for it
	}{
		{"amd64", elf.EM_X86_64, []string{"./..."}},
		{"arm64", elf.EM_AARCH64, []string{".", "./port/..."}},
	} {
		t.Run(m.arch, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "alcove")
			goTool(t, m.arch, "build", "-o", path, ".")
			static(t, path, m.machine)
			f, err := elf.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if f.OSABI != elf.ELFOSABI_FREEBSD {
				t.Errorf("built for %v, want %v", f.OSABI, elf.ELFOSABI_FREEBSD)
			}
			goTool(t, m.arch, append([]string{"vet"}, m.vetted...)...)
		})
	}
}

// goTool runs the go command for FreeBSD in the folder of the module.
func goTool(t *testing.T, arch string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "GOOS=freebsd", "GOARCH="+arch, "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd, err, out)
	}
}
