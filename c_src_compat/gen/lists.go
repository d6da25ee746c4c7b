// SPDX-License-Identifier: ISC

package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A name is one line of a list of constants.
type name struct {
	Name  string
	Where []place // empty: every system that defines the name
}

// A place limits a name to a system or to one of its architectures.
type place struct {
	OS, Arch string // as GOOS and GOARCH; Arch is empty for all of them
	As       string // the name that gives the value, if it is another one
	family   bool   // named as one of several systems
}

// A table is one list of constants: the names that a call takes, in the order in
// which they are searched.
type table struct {
	Name  string
	Names []name
}

// names returns the names of a table, whatever the system.
func (t table) names() []string {
	var all []string
	for _, n := range t.Names {
		all = append(all, n.Name)
	}
	return all
}

// target is a system that constants are generated for, as GOOS and GOARCH.
type target struct{ OS, Arch string }

// families are the words that stand for several systems in a list.
var families = map[string][]string{
	"bsd": {"freebsd", "netbsd", "openbsd", "dragonfly", "darwin"},
}

// on reports whether the name may exist on t, and the name that gives its value there.
func (n name) on(t target) (as string, ok bool) {
	if len(n.Where) == 0 {
		return n.Name, true
	}
	for _, p := range n.Where {
		if p.OS != t.OS || p.Arch != "" && p.Arch != t.Arch {
			continue
		}
		if p.As != "" {
			return p.As, true
		}
		return n.Name, true
	}
	return "", false
}

// marked reports whether the list names an operating system, rather than a family of them,
// beside the name.
func (n name) marked(os string) bool {
	return slices.ContainsFunc(n.Where, func(p place) bool { return p.OS == os && !p.family })
}

// readTable reads a list of constants. A line is a name and the systems it is
// limited to: "name [system[/architecture][=name on that system]] ...".
func readTable(path string) (table, error) {
	t := table{Name: strings.TrimSuffix(filepath.Base(path), ".txt")}
	seen := map[string]bool{}
	err := eachLine(path, func(words []string) error {
		if seen[words[0]] {
			return fmt.Errorf("%s is listed twice", words[0])
		}
		seen[words[0]] = true
		t.Names = append(t.Names, name{Name: words[0], Where: places(words[1:])})
		return nil
	})
	return t, err
}

func places(words []string) []place {
	var all []place
	for _, w := range words {
		where, as, _ := strings.Cut(w, "=")
		system, arch, _ := strings.Cut(where, "/")
		systems := families[system]
		if systems == nil {
			systems = []string{system}
		}
		for _, s := range systems {
			all = append(all, place{OS: s, Arch: arch, As: as, family: s != system})
		}
	}
	return all
}

// eachLine calls f with the words of every line that has any. A number sign
// starts a comment.
func eachLine(path string, f func(words []string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		words := strings.Fields(text)
		if len(words) == 0 {
			continue
		}
		if err := f(words); err != nil {
			return fmt.Errorf("%s:%d: %w", path, n, err)
		}
	}
	return lines.Err()
}
