// SPDX-License-Identifier: ISC

package build

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// mayLink are the packages, besides its own and internal ones, that the program is
// linked with: those that package syscall cannot do without. fmt, os, reflect, time
// and the like allocate, start goroutines or make system calls of their own.
var mayLink = map[string]bool{
	"cmp": true, "errors": true, "iter": true, "math": true, "math/bits": true, "runtime": true,
	"slices": true, "sync": true, "sync/atomic": true, "syscall": true, "unsafe": true,
}

func TestTheProgramIsLinkedWithNothingOfTheStandardLibraryButSyscall(t *testing.T) {
	const own = "github.com/alcove-go/alcove"
	cmd := exec.Command("go", "list", "-deps", own)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := strings.Fields(string(out))
	found := map[string]bool{}
	for _, p := range packages {
		found[p] = true
		internal := strings.HasPrefix(p, "internal/") || strings.Contains(p, "/internal/")
		if !internal && !mayLink[p] && p != own && !strings.HasPrefix(p, own+"/") {
			t.Errorf("the program is linked with %s", p)
		}
	}
	if !found[own+"/port"] || !found["syscall"] {
		t.Errorf("go list does not know what the program is made of: %v", packages)
	}
}

func TestTheProgramIsStaticAndSmall(t *testing.T) {
	const limit = 1_600_000
	path := filepath.Join(t.TempDir(), "alcove")
	mustRun(t, folderOfMakefile, "C_SRC_OUTPUT="+path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() >= limit {
		t.Errorf("the program has %d bytes, want less than %d", info.Size(), limit)
	}
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var dynamic []elf.ProgType
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			dynamic = append(dynamic, p.Type)
		}
	}
	if diff := cmp.Diff([]elf.ProgType(nil), dynamic); diff != "" {
		t.Errorf("headers of a program that needs a dynamic linker (-want +got):\n%s", diff)
	}
}
