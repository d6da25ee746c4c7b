// SPDX-License-Identifier: ISC

package build

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	maxColumns = 120 // of a line of Erlang or of a comment in Go; a tab is four of them
	maxLines   = 40  // of a function in Go

	root = "../.." // of the project
)

var isGenerated = regexp.MustCompile(`(^|/)z\w*\.go$`)

// tracked returns the paths of the project's files with names like the patterns, without
// those in Go that are generated.
func tracked(t *testing.T, patterns ...string) []string {
	t.Helper()
	list := exec.Command("git", append([]string{"ls-files", "-co", "--exclude-standard", "--"}, patterns...)...)
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("git does not list the files: %v", err)
	}
	var paths []string
	for _, path := range strings.Fields(string(out)) {
		info, err := os.Stat(filepath.Join(root, path))
		if err == nil && info.Mode().IsRegular() && !isGenerated.MatchString(path) {
			paths = append(paths, path)
		}
	}
	if len(paths) < 50 {
		t.Fatalf("%d files are like %v", len(paths), patterns)
	}
	return paths
}

func TestLinesOfErlangAndOfCommentsHaveOneWidth(t *testing.T) {
	comment := regexp.MustCompile(`^\s*//`)
	for _, path := range tracked(t, "*.go", "*.erl", "*.hrl", "*.erl.in") {
		n := 0
		for line := range strings.Lines(string(read(t, filepath.Join(root, path)))) {
			n++
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")
			columns := utf8.RuneCountInString(line)
			if columns > maxColumns && (!strings.HasSuffix(path, ".go") || comment.MatchString(line)) {
				t.Errorf("%s:%d: %d columns, want %d at most", path, n, columns, maxColumns)
			}
		}
	}
}

// A row with more cells than the head of its table loses them where it is shown.
func TestRowsOfATableHaveAsManyCellsAsItsHead(t *testing.T) {
	bar := regexp.MustCompile(`(^|[^\\])\|`)
	rows := 0
	for _, path := range tracked(t, ".") {
		if !strings.HasSuffix(path, ".md") {
			continue
		}
		n, head := 0, 0
		for line := range strings.Lines(string(read(t, filepath.Join(root, path)))) {
			n++
			if !strings.HasPrefix(line, "|") {
				head = 0
				continue
			}
			rows++
			bars := len(bar.FindAllString(strings.ReplaceAll(line, "||", "| |"), -1))
			if head == 0 {
				head = bars
			}
			if bars != head {
				t.Errorf("%s:%d: %d cells, want %d", path, n, bars-1, head-1)
			}
		}
	}
	if rows < 300 {
		t.Errorf("%d rows were found, want those of the whole guide", rows)
	}
}

// functions calls look with each function in Go, where it begins, and how many lines it has.
func functions(t *testing.T, look func(f *ast.FuncDecl, place string, lines int)) {
	t.Helper()
	for _, path := range tracked(t, "*.go") {
		set := token.NewFileSet()
		mode := parser.ParseComments | parser.SkipObjectResolution
		file, err := parser.ParseFile(set, filepath.Join(root, path), nil, mode)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok {
				first := set.Position(f.Pos()).Line
				look(f, fmt.Sprintf("%s:%d", path, first), set.Position(f.End()).Line-first+1)
			}
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	functions(t, func(f *ast.FuncDecl, place string, lines int) {
		if lines > maxLines && !strings.Contains(place, "_test.go:") {
			t.Errorf("%s: %s has %d lines, want %d at most", place, f.Name.Name, lines, maxLines)
		}
	})
}

// A function does something, which is what its comment says. One that is no more than a
// system call may say so.
func TestCommentsOfFunctionsSayWhatTheyDo(t *testing.T) {
	isCall := regexp.MustCompile(`^\w+\(\dp?\)`)
	functions(t, func(f *ast.FuncDecl, place string, _ int) {
		comment := f.Doc.Text()
		for _, verb := range []string{" is ", " are "} {
			rest, found := strings.CutPrefix(comment, f.Name.Name+verb)
			if found && !isCall.MatchString(rest) && !strings.HasPrefix(place, "port/sys/") {
				t.Errorf("%s: %.60s", place, comment)
			}
		}
	})
}
