// SPDX-License-Identifier: ISC

package test

import (
	"debug/buildinfo"
	"debug/elf"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// machines are the programs of make dist, what they are built for, and how qemu names the machines.
var machines = []struct {
	arch     string
	machine  elf.Machine
	emulator string
}{
	{"386", elf.EM_386, ""}, // qemu-i386 does not keep the thread storage of several threads apart
	{"amd64", elf.EM_X86_64, "x86_64"},
	{"arm", elf.EM_ARM, "arm"},
	{"arm64", elf.EM_AARCH64, "aarch64"},
	{"riscv64", elf.EM_RISCV, "riscv64"},
}

// dist makes what is distributed and returns the folder. Whatever release of Go is there, the tests
// try it.
func dist(t *testing.T, env ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dist")
	cmd := exec.Command("make", "-C", "..", "dist", "DIST="+dir, "ALCOVE_UNTRIED=1")
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	return dir
}

func TestDistributedProgramsStartForkExecuteAndCatchSignals(t *testing.T) {
	dir := dist(t)
	for _, m := range machines {
		t.Run(m.arch, func(t *testing.T) {
			path := filepath.Join(dir, "alcove-linux-"+m.arch)
			static(t, path, m.machine)
			opts := []pt.Option{pt.Instead(path)}
			emulated := !runs(t, path)
			if emulated {
				if m.emulator == "" {
					t.Skip("neither this kernel nor an emulator runs it")
				}
				opts = append(opts, pt.Under(pt.Emulator(t, m.emulator)))
			}
			want := pt.Result{Stdout: "alcove " + release(t) + " (Go), protocol 1.0.1\n"}
			if diff := cmp.Diff(want, pt.RunWith(t, []string{"--version"}, opts...)); diff != "" {
				t.Errorf("--version (-want +got):\n%s", diff)
			}
			use(t, opts)
			for range *starts {
				startForkExecute(t, opts)
			}
			if !emulated { // an emulator does not queue signals
				p := pt.Start(t, opts...)
				queueFew(p)
				isServedInAFlood(p)()
			}
		})
	}
}

var starts = flag.Int("starts", 10, "how often the program of each machine is started")

// startForkExecute runs the program for a whole life.
func startForkExecute(t *testing.T, opts []pt.Option) {
	t.Helper()
	p := pt.Start(t, opts...)
	a := p.Fork(nil)
	p.Want(a.Pid(), a, "getpid")
	p.Exec(a, "cat")
	p.Stdin(a, "text")
	p.Next(pt.Stdout(a, "text"))
}

// static checks that a program needs nothing but the kernel.
func static(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != machine {
		t.Errorf("built for %v, want %v", f.Machine, machine)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("has %v", p.Type)
		}
	}
}

// runs reports whether the kernel executes a program.
func runs(t *testing.T, path string) bool {
	t.Helper()
	err := exec.Command(path, "--version").Run()
	if err != nil && !errors.Is(err, syscall.ENOEXEC) {
		t.Fatalf("%s: %v", path, err)
	}
	return err == nil
}

// use does what most clients do.
func use(t *testing.T, opts []pt.Option) {
	t.Helper()
	p := pt.Start(t, opts...)
	p.Want(p.Pid, nil, "getpid")
	l := p.Chain(3)
	p.Want(l.Pid(), l, "getpid")
	p.Want(pt.Tuple{pt.Atom("error"), pt.Atom("enoent")}, l, "chdir", pt.Binary("/no/such/folder"))

	p.Signal(l, syscall.SIGUSR1)
	event := p.Receive("event", func(m pt.Message) bool { return m.Is(pt.TypeEvent, l) })
	if info, ok := event.Signal("sigusr1"); !ok || len(info) != 128 {
		t.Errorf("event %v, want sigusr1 with a siginfo", event)
	}
	p.Exec(l, "cat")
	p.Stdin(l, "text")
	p.Next(pt.Stdout(l, "text"))
}

func TestDistributionIsTheSameWhateverTheEnvironmentSays(t *testing.T) {
	first := dist(t)
	second := dist(t, "GOARM=5", "GOAMD64=v2", "GOFLAGS=-tags=other", "ALCOVE_PREBUILT=/bin/sh")
	built, err := buildinfo.ReadFile(filepath.Join(first, "alcove-linux-amd64"))
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"SHA256SUMS"}
	for _, m := range machines {
		names = append(names, "alcove-linux-"+m.arch)
	}
	names = append(names, "built-with-"+built.GoVersion)
	for _, dir := range []string{first, second} {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			files[i] = filepath.Base(files[i])
		}
		if diff := cmp.Diff(names, files); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		sumsAreRight(t, dir, len(names)-1)
	}
	if diff := cmp.Diff(read(t, first), read(t, second)); diff != "" {
		t.Errorf("checksums (-first +second):\n%s", diff)
	}
}

// sumsAreRight checks the files in a folder with the commands of two systems.
func sumsAreRight(t *testing.T, dir string, files int) {
	t.Helper()
	for _, command := range [][]string{{"sha256sum", "--strict"}, {"busybox", "sha256sum"}} {
		check := exec.Command(command[0], append(command[1:], "-c", "SHA256SUMS")...)
		check.Dir = dir
		if out, err := check.CombinedOutput(); err != nil || strings.Count(string(out), ": OK") != files {
			t.Errorf("%v: %v\n%s", check.Args, err, out)
		}
	}
}

// TestDistributionIsTheSameOnAnotherMachine builds a copy of the tree as another user would
// elsewhere, from the source of Go on. Of the programs it is one, since that takes long.
func TestDistributionIsTheSameOnAnotherMachine(t *testing.T) {
	const arch = "arm64"
	first := read(t, dist(t))
	copied := filepath.Join(t.TempDir(), "some where", "else")
	script := `umask 077 && mkdir -p "$1" && git ls-files -coz --exclude-standard |
		tar --null --ignore-failed-read -T - -c 2>/dev/null | tar --no-same-permissions -x -C "$1" && cd "$1" && make dist ARCHITECTURES="$2" ALCOVE_UNTRIED=1`
	modules, err := exec.Command("go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	cmd := exec.Command("sh", "-c", script, "sh", copied, arch)
	cmd.Dir = ".."
	elsewhere := filepath.Dir(copied)
	cmd.Env = append(os.Environ(), "HOME="+elsewhere, "USER=other", "LOGNAME=other", "LC_ALL=tr_TR.UTF-8", "TZ=Asia/Tokyo",
		"TMPDIR="+elsewhere, "GOPROXY=file://"+strings.TrimSpace(string(modules))+"/cache/download", "GONOSUMDB=*", "GOFLAGS=-modcacherw",
		"GOMODCACHE="+elsewhere+"/modules", "GOCACHE="+elsewhere+"/cache")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make dist in %s: %v\n%s", copied, err, out)
	}
	there := read(t, filepath.Join(copied, "dist"))
	if lines := strings.SplitAfter(there, "\n"); len(lines) != 3 {
		t.Errorf("checksums of %s alone:\n%s", arch, there)
	} else if !strings.Contains(first, lines[0]) || !strings.Contains(first, lines[1]) {
		t.Errorf("here:\n%sthere:\n%s", first, there)
	}
}

// read returns the checksums in a folder.
func read(t *testing.T, dir string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
