// SPDX-License-Identifier: ISC

// Package build tests how the project is built: by the Makefile that takes the place of a C
// program's, as a dependency of other projects, and what the setup installs for that.
package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// folderOfMakefile is c_src_compat, seen from here.
const folderOfMakefile = "../../c_src_compat"

// project makes a module with the entry of the port program, whose program prints a
// line, and the Makefile in a folder like this one. It returns that folder.
func project(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	folder := filepath.Join(top, "c_src")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(top, "port", "entry"), os.DirFS("../../port/entry")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "Makefile"), string(read(t, filepath.Join(folderOfMakefile, "Makefile"))), 0o600)
	write(t, filepath.Join(top, "go.mod"), "module github.com/alcove-go/alcove\n\ngo 1.26\n", 0o600)
	write(t, filepath.Join(top, "main.go"), program, 0o600)
	return folder
}

const program = `package main

import (
	"syscall"
	"unsafe"

	_ "github.com/alcove-go/alcove/port/entry"
)

var line = [...]byte{'b', 'u', 'i', 'l', 't', '\n'}

//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
func begin() {
	syscall.RawSyscall(syscall.SYS_WRITE, 1, uintptr(unsafe.Pointer(&line)), uintptr(len(line)))
	syscall.RawSyscall(syscall.SYS_EXIT, 0, 0, 0)
}

func main() {}
`

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// run makes the targets in a folder, with nothing in the environment that means
// something to the Makefile.
func run(folder string, args ...string) (output string, err error) {
	cmd := exec.Command("make", append([]string{"-C", folder}, args...)...)
	for _, v := range os.Environ() {
		switch name, _, _ := strings.Cut(v, "="); name {
		case "ALCOVE_PREBUILT", "C_SRC_OUTPUT", "PROJECT", "GO", "V", "MAKEFLAGS", "MAKELEVEL", "MFLAGS":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func mustRun(t *testing.T, folder string, args ...string) {
	t.Helper()
	if output, err := run(folder, args...); err != nil {
		t.Fatalf("make %v: %v\n%s", args, err, output)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestMakeBuildsIntoPriv(t *testing.T) {
	folder := project(t)
	mustRun(t, folder)
	program := filepath.Join(folder, "..", "priv", "alcove")
	out, err := exec.Command(program).CombinedOutput()
	if err != nil || string(out) != "built\n" {
		t.Errorf("the program: %v, %q", err, out)
	}
	mustRun(t, folder, "clean")
	if _, err := os.Stat(program); !os.IsNotExist(err) {
		t.Errorf("after make clean: got error %v, want that the program is gone", err)
	}
}

func TestWhatAnUntriedReleaseOfGoBuildsIsTried(t *testing.T) {
	output := filepath.Join(t.TempDir(), "alcove")
	mustRun(t, folderOfMakefile, "TRIED=go1.0", "C_SRC_OUTPUT="+output)
	if out, err := exec.Command(output, "--version").CombinedOutput(); err != nil {
		t.Errorf("the program that works: %v, %q", err, out)
	}
	folder := project(t)
	if err := os.CopyFS(filepath.Join(folder, "try"), os.DirFS(folderOfMakefile+"/try")); err != nil {
		t.Fatal(err)
	}
	said, err := run(folder, "TRIED=go1.0")
	if err == nil || !strings.Contains(said, "none of go1.0") {
		t.Errorf("a program that does something else: %v, %q", err, said)
	}
	if left, _ := filepath.Glob(filepath.Join(folder, "..", "priv", "*")); len(left) > 0 {
		t.Errorf("installed %q", left)
	}
	mustRun(t, folder, "TRIED=go1.0", "ALCOVE_UNTRIED=1")
}

func TestWhateverTheEnvironmentSaysTheProgramIsTheSame(t *testing.T) {
	folder := project(t)
	mustRun(t, folder)
	want := read(t, filepath.Join(folder, "..", "priv", "alcove"))
	for _, setting := range []string{"GOFLAGS=-buildmode=pie", "GOFLAGS=-gcflags=-N", "GOFLAGS=-ldflags=-X=a.b=c", "GOAMD64=v3", "GOARM=5", "GOARM64=v9.0"} {
		name, value, _ := strings.Cut(setting, "=")
		t.Setenv(name, value)
		mustRun(t, folder, "C_SRC_OUTPUT=../other")
		os.Unsetenv(name)
		if got := read(t, filepath.Join(folder, "..", "other")); !bytes.Equal(want, got) {
			t.Errorf("%s makes another program", setting)
		}
	}
}

func TestTheProgramDoesNotDependOnTheFolderItWasBuiltIn(t *testing.T) {
	first, second := project(t), project(t)
	mustRun(t, first, "all")
	mustRun(t, second, "all", "C_SRC_OUTPUT=../some where/program", "CC=cc", "CFLAGS=-O3", "ALCOVE_DEFINE=-DHAVE_SETNS")
	a := read(t, filepath.Join(first, "..", "priv", "alcove"))
	b := read(t, filepath.Join(second, "..", "some where", "program"))
	if !bytes.Equal(a, b) {
		t.Errorf("the programs of two folders differ: %d and %d bytes", len(a), len(b))
	}
}

func TestAPrebuiltProgramIsInstalledWithoutGo(t *testing.T) {
	folder := project(t)
	write(t, filepath.Join(folder, "given"), "#!/bin/sh\n", 0o700)
	mustRun(t, folder, "ALCOVE_PREBUILT=given", "GO=no-such-go")
	program := filepath.Join(folder, "..", "priv", "alcove")
	if got := read(t, program); string(got) != "#!/bin/sh\n" {
		t.Errorf("installed %q", got)
	}
	if info, err := os.Stat(program); err != nil || info.Mode() != 0o755 {
		t.Errorf("mode of the program: %v, %v, want 0755", info.Mode(), err)
	}
}

func TestWhatCannotBeBuiltOrInstalledIsNamed(t *testing.T) {
	folder := project(t)
	write(t, filepath.Join(folder, "text"), "", 0o600)
	for _, tt := range []struct{ name, arg, want string }{
		{"a file that is no program", "ALCOVE_PREBUILT=text", "ALCOVE_PREBUILT=text: not an executable file"},
		{"a folder", "ALCOVE_PREBUILT=.", "ALCOVE_PREBUILT=.: not an executable file"},
		{"a missing file", "ALCOVE_PREBUILT=none", "ALCOVE_PREBUILT=none: not an executable file"},
		{"a missing Go", "GO=no-such-go", "alcove is built with Go"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output, err := run(folder, tt.arg)
			if err == nil || !strings.Contains(output, tt.want) {
				t.Errorf("got %v, %q, want a failure with %q", err, output, tt.want)
			}
			if _, err := os.Stat(filepath.Join(folder, "..", "priv")); !os.IsNotExist(err) {
				t.Errorf("priv: got error %v, want that nothing was made", err)
			}
		})
	}
}

// TestWithoutGoThePrebuiltProgramIsEnough runs make and the hook of rebar3 as on a machine that has
// no Go.
func TestWithoutGoThePrebuiltProgramIsEnough(t *testing.T) {
	given := filepath.Join(t.TempDir(), "given")
	write(t, given, "#!/bin/sh\n", 0o700)
	bin := withoutGo(t)
	for _, command := range [][]string{{"make"}, {"rebar3", "compile"}} {
		t.Run(command[0], func(t *testing.T) {
			top := copyOfApplication(t)
			path, err := exec.LookPath(command[0])
			if err != nil {
				t.Fatalf("%s is not installed: %v", command[0], err)
			}
			cmd := exec.Command(path, command[1:]...)
			cmd.Dir = top
			cmd.Env = []string{"PATH=" + bin, "HOME=" + t.TempDir(), "LC_ALL=C.UTF-8", "ALCOVE_PREBUILT=" + given}
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %v\n%s", command, err, out)
			}
			if got := read(t, filepath.Join(top, "priv", "alcove")); string(got) != "#!/bin/sh\n" {
				t.Errorf("installed %q", got)
			}
		})
	}
}

// withoutGo makes a folder that has the commands of the PATH, but not Go's.
func withoutGo(t *testing.T) string {
	t.Helper()
	return without(t, "go", "gofmt")
}

// without makes a folder that has the commands of the PATH, but not those named.
func without(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		commands, _ := filepath.Glob(filepath.Join(from, "*"))
		for _, command := range commands {
			if name := filepath.Base(command); !slices.Contains(names, name) {
				os.Symlink(command, filepath.Join(dir, name)) // the first of a name counts
			}
		}
	}
	return dir
}

// copyOfApplication copies what the application is built from.
func copyOfApplication(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	args := []string{"-r", "--parents", "Makefile", "rebar.config", "rebar.lock", "c_src_compat", "erlang/src", "erlang/include", top}
	cp := exec.Command("cp", args...)
	cp.Dir = "../.."
	if out, err := cp.CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	return top
}
