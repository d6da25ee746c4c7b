// Erlang writes the modules alcove and alcove_linux, which have two functions for each
// call, the list of atoms that replies are made of, and that of arguments that are names.
//
//	go run ./c_src_compat/erlang [-root directory]
//
// The sources of a module are its .txt, for the calls, and its .erl.in, for the rest.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	header    = "erlang/src/alcove_atoms.hrl"
	arguments = "erlang/src/alcove_names.hrl"
)

// modules are those that are generated, each with the list of its calls.
var modules = []struct{ name, list string }{
	{"alcove", "calls.txt"},
	{"alcove_linux", "extensions.txt"},
}

func main() {
	root := flag.String("root", ".", "directory of the module")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "erlang:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	files, err := generate(filepath.Join(root, "c_src_compat"))
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(root, path), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate makes the files, by their paths, from the lists in dir.
func generate(dir string) (map[string]string, error) {
	errno, err := words(filepath.Join(dir, "constants", "errno.txt"))
	if err != nil {
		return nil, err
	}
	signals, err := words(filepath.Join(dir, "constants", "signal.txt"))
	if err != nil {
		return nil, err
	}
	files := map[string]string{header: atoms(errno, signals)}
	var all []call
	for _, m := range modules {
		text, calls, err := module(dir, m.name, m.list, errno)
		if err != nil {
			return nil, err
		}
		files["erlang/src/"+m.name+".erl"] = text
		all = append(all, calls...)
	}
	files[arguments] = kinds(all)
	return files, nil
}

// module makes the text of a module with a function for each call of a list.
func module(dir, name, list string, errno []string) (string, []call, error) {
	calls, err := readCalls(filepath.Join(dir, "erlang", name+".txt"))
	if err != nil {
		return "", nil, err
	}
	if err := agree(calls, filepath.Join(dir, list)); err != nil {
		return "", nil, err
	}
	frame, err := os.ReadFile(filepath.Join(dir, "erlang", name+".erl.in"))
	if err != nil {
		return "", nil, err
	}
	fill := strings.NewReplacer(
		"    % calls\n", exports(calls),
		"    % posix\n    unknown", "    "+strings.Join(append(errno, "unknown"), "\n    | "),
	)
	return fill.Replace(string(frame)) + functions(calls), calls, nil
}

// agree compares the heads of the functions with the list of calls.
func agree(calls []call, list string) error {
	names, err := words(list)
	if err != nil {
		return err
	}
	for i := range max(len(names), len(calls)) {
		var want, got string
		if i < len(names) {
			want = names[i]
		}
		if i < len(calls) {
			got = fmt.Sprintf("%s/%d", calls[i].Name, len(calls[i].Args))
		}
		if want != got {
			return fmt.Errorf("call %d is %q in %s and %q in its text", i, want, filepath.Base(list), got)
		}
	}
	return nil
}

// words are the first words of the lines of a list; a number sign starts a comment.
func words(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var first []string
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 0 {
			first = append(first, f[0])
		}
	}
	return first, nil
}
