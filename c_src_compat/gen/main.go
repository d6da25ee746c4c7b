// Gen writes what follows from the lists of c_src_compat: the tables of calls and
// constants of package calls, and the Erlang module alcove_proto.
//
//	go run ./c_src_compat/gen [-root directory]
//
// With -assert os/arch it writes a C program to standard output instead, which
// compiles only where the headers agree with the tables of that target:
//
//	go run ./c_src_compat/gen -assert linux/arm64 | aarch64-linux-gnu-gcc -fsyntax-only -xc -
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// targets are the systems that constants are generated for. One more architecture
// of Linux is one more line here.
var targets = []target{
	{"linux", "amd64"},
	{"linux", "arm64"},
	{"linux", "386"},
	{"linux", "arm"},
	{"linux", "riscv64"},
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
		return writeAssertions(os.Stdout, src, assert)
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
	Calls  []call
	Lists  []table    // all of constants/ but errno, by name
	Tables []resolved // the same on the targets
	Errno  resolved
}

func readSources(root string) (sources, error) {
	var s sources
	var err error
	dir := filepath.Join(root, "c_src_compat")
	if s.Calls, err = readCalls(filepath.Join(dir, "calls.txt")); err != nil {
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
	return s, nil
}

func (s *sources) add(path string, all map[target]values) error {
	list, err := readTable(path)
	if err != nil {
		return err
	}
	tab, err := resolve(list, all)
	if err != nil {
		return err
	}
	if tab.Name == "errno" {
		s.Errno = tab
		return nil
	}
	s.Lists = append(s.Lists, list)
	s.Tables = append(s.Tables, tab)
	return nil
}

// generate makes all files, by their paths below the root.
func generate(s sources) (map[string][]byte, error) {
	files, err := goConstants(s.Tables)
	if err != nil {
		return nil, err
	}
	if files["calls/zerrno_linux.go"], err = goErrno(s.Errno); err != nil {
		return nil, err
	}
	files["calls/zcalls.go"] = goCalls(s.Calls)
	files["calls/zconst.go"] = goConstantType()
	files["erlang/src/alcove_proto.erl"] = erlangProto(s.Calls)
	return finish(files)
}

func finish(files map[string]*bytes.Buffer) (map[string][]byte, error) {
	done := map[string][]byte{}
	for path, b := range files {
		text := b.Bytes()
		if strings.HasSuffix(path, ".go") {
			var err error
			if text, err = gofmt(path, text); err != nil {
				return nil, err
			}
		}
		done[path] = text
	}
	return done, nil
}
