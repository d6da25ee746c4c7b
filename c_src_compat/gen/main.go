// SPDX-License-Identifier: ISC

// Gen writes what follows from the lists of c_src_compat: in Go the tables of calls and constants
// of package calls, and the constants of package sys. The version of the application is a constant,
// too. In Erlang these are the modules alcove and alcove_linux, which have two functions for each
// call, and the numbers of calls. Headers have the atoms that replies are made of, and which
// arguments are names.
//
//	go run ./c_src_compat/gen [-root directory]
//
// With -assert os/arch it writes a C program to standard output instead, which
// compiles only where the headers agree with the tables of that target:
//
//	go run ./c_src_compat/gen -assert linux/arm64 | aarch64-linux-gnu-gcc -fsyntax-only -xc -
package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/alcove-go/alcove/c_src_compat/erlang"
)

// targets are the systems that constants are generated for. One more architecture
// of a system is one more line here.
var targets = []target{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"linux", "386"},
	{"linux", "arm"},
	{"linux", "riscv64"},
	{"freebsd", "amd64"},
	{"freebsd", "arm64"},
}

// systems are those of targets, each with its targets.
var systems = bySystem(targets)

// system is an operating system, as GOOS, and what it is generated for.
type system struct {
	OS      string
	Targets []target
}

func bySystem(targets []target) []system {
	var all []system
	for _, t := range targets {
		i := slices.IndexFunc(all, func(s system) bool { return s.OS == t.OS })
		if i < 0 {
			i = len(all)
			all = append(all, system{OS: t.OS})
		}
		all[i].Targets = append(all[i].Targets, t)
	}
	return all
}

func (t target) String() string { return t.OS + "/" + t.Arch }

func main() {
	root := flag.String("root", ".", "directory of the module")
	assert := flag.String("assert", "", "write C assertions about the headers of `os/arch`")
	flag.Parse()
	if err := run(*root, *assert); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(root, assert string) error {
	src, err := readSources(root)
	if err != nil {
		return err
	}
	if assert != "" {
		system, arch, _ := strings.Cut(assert, "/")
		return writeAssertions(os.Stdout, src, target{system, arch})
	}
	files, err := generate(src)
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(root, path), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sources are the lists with the values of their names.
type sources struct {
	Dir    string        // c_src_compat
	Calls  []erlang.Call // those of the C port
	Others []erlang.Call
	Tables []resolved // those of constants/ that have names on any target
	Errno  resolved
	Kernel resolved // kernel.txt

	Release string // the version of the application
}

func readSources(root string) (sources, error) {
	dir := filepath.Join(root, "c_src_compat")
	s := sources{Dir: dir}
	var err error
	if s.Calls, err = erlang.ReadCalls(filepath.Join(dir, "erlang", "alcove.txt")); err != nil {
		return s, err
	}
	if s.Others, err = erlang.ReadExtensions(filepath.Join(dir, "erlang", "alcove_linux.txt")); err != nil {
		return s, err
	}
	sys, err := sysDir(root)
	if err != nil {
		return s, err
	}
	all := map[target]values{}
	for _, t := range targets {
		if all[t], err = readValues(sys, root, t); err != nil {
			return s, err
		}
	}
	lists, err := filepath.Glob(filepath.Join(dir, "constants", "*.txt"))
	if err != nil {
		return s, err
	}
	slices.Sort(lists)
	for _, path := range lists {
		if err := s.add(path, all); err != nil {
			return s, err
		}
	}
	if s.Kernel, err = readResolved(filepath.Join(dir, "kernel.txt"), all); err != nil {
		return s, err
	}
	s.Release, err = readRelease(root)
	return s, err
}

var vsn = regexp.MustCompile(`\{vsn, "(\d+\.\d+\.\d+[^"]*)"\}`)

// readRelease finds the version in the file of the application, the only place where it is kept.
func readRelease(root string) (string, error) {
	path := filepath.Join(root, "erlang", "src", "alcove.app.src")
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	m := vsn.FindSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("%s: no version", path)
	}
	return string(m[1]), nil
}

func (s *sources) add(path string, all map[target]values) error {
	tab, err := readResolved(path, all)
	if err != nil {
		return err
	}
	switch {
	case tab.Name == "errno":
		s.Errno = tab
	case len(tab.Targets) > 0: // else all its names are for systems without tables yet
		s.Tables = append(s.Tables, tab)
	}
	return nil
}

func readResolved(path string, all map[target]values) (resolved, error) {
	list, err := readTable(path)
	if err != nil {
		return resolved{}, err
	}
	return resolve(list, all)
}

// generate makes all files, by their paths below the root.
func generate(s sources) (map[string][]byte, error) {
	buffers := goConstants(s.Tables)
	maps.Copy(buffers, goKernel(s.Kernel, s.Errno.table))
	buffers["calls/zcalls.go"] = goCalls(s.Calls, s.Others)
	buffers["calls/zconst.go"] = goConstantType()
	buffers["calls/zrelease.go"] = goRelease(s.Release)
	for _, system := range systems {
		errno, err := goErrno(s.Errno, system)
		if err != nil {
			return nil, err
		}
		buffers["calls/zerrno_"+system.OS+".go"] = errno
	}
	files, err := erlangFiles(s)
	if err != nil {
		return nil, err
	}
	for path, b := range buffers {
		if files[path], err = gofmt(path, b.Bytes()); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// erlangFiles makes the modules and headers of the Erlang application.
func erlangFiles(s sources) (map[string][]byte, error) {
	errno := s.Errno.names()
	i := slices.IndexFunc(s.Tables, func(tab resolved) bool { return tab.Name == "signal" })
	files := map[string][]byte{
		"erlang/src/alcove_proto.erl": []byte(erlang.Proto(s.Calls, s.Others)),
		"erlang/src/alcove_atoms.hrl": []byte(erlang.Atoms(errno, s.Tables[i].names())),
		"erlang/src/alcove_names.hrl": []byte(erlang.Kinds(slices.Concat(s.Calls, s.Others))),
	}
	for name, calls := range map[string][]erlang.Call{"alcove": s.Calls, "alcove_linux": s.Others} {
		frame, err := os.ReadFile(filepath.Join(s.Dir, "erlang", name+".erl.in"))
		if err != nil {
			return nil, err
		}
		files["erlang/src/"+name+".erl"] = []byte(erlang.Module(string(frame), calls, errno))
	}
	return files, nil
}
