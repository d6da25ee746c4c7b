package build

import (
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
	maxColumns = 100 // of a line of Erlang or of a comment in Go; a tab is four of them
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
	// Being edited by others.
	later := regexp.MustCompile(`alcove_(run|program|pool|slot|job|top|sandbox)|^erlang/site/`)
	for _, path := range tracked(t, "*.go", "*.erl", "*.hrl", "*.erl.in") {
		n := 0
		for line := range strings.Lines(string(read(t, filepath.Join(root, path)))) {
			n++
			line = strings.ReplaceAll(strings.TrimSuffix(line, "\n"), "\t", "    ")
			columns := utf8.RuneCountInString(line)
			if columns > maxColumns && !later.MatchString(path) && (!strings.HasSuffix(path, ".go") || comment.MatchString(line)) {
				t.Errorf("%s:%d: %d columns, want %d at most", path, n, columns, maxColumns)
			}
		}
	}
}

func TestFunctionsAreShort(t *testing.T) {
	for _, path := range tracked(t, "*.go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(root, path), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			first := set.Position(f.Pos()).Line
			if n := set.Position(f.End()).Line - first + 1; n > maxLines {
				t.Errorf("%s:%d: %s has %d lines, want %d at most", path, first, f.Name.Name, n, maxLines)
			}
		}
	}
}
