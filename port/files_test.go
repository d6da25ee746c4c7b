// SPDX-License-Identifier: ISC

package port

import (
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// systems are those that the files of this package are read for.
var systems = []string{"linux", "freebsd"}

// The files of this package are layers: a function calls functions of its own file or
// of files below. A circle between files shows that one of them has two subjects.
func TestFilesDoNotCallInCircles(t *testing.T) {
	for _, system := range systems {
		t.Run(system, func(t *testing.T) {
			calls := callsBetweenFiles(t, system)
			for _, circle := range circles(calls) {
				t.Errorf("these files call each other:\n%s", explain(circle, calls))
			}
		})
	}
}

// doc.go tells a newcomer where to read on. It names a file without its system.
func TestDocListsEveryFile(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, line := range regexp.MustCompile(`(?m)^//\t([a-z]+\.go) `).FindAllStringSubmatch(string(text), -1) {
		listed = append(listed, line[1])
	}
	slices.Sort(listed)
	files := map[string]bool{}
	for _, system := range systems {
		for _, name := range fileNames(t, system) {
			files[strings.TrimSuffix(strings.TrimSuffix(name, ".go"), "_"+system)+".go"] = true
		}
	}
	delete(files, "doc.go")
	if diff := cmp.Diff(slices.Sorted(maps.Keys(files)), listed); diff != "" {
		t.Errorf("-there are +listed:\n%s", diff)
	}
}

// The states of a child are drawn over their type, and shown to those who read doc.go.
func TestDocDrawsTheStatesOfAChild(t *testing.T) {
	drawings := map[string]string{}
	for _, name := range []string{"child.go", "doc.go"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		drawings[name] = regexp.MustCompile(`(?s)//\t +noticeExec.*?portEnded[^\n]*\n`).FindString(string(text))
	}
	if drawings["child.go"] == "" {
		t.Fatal("child.go has no drawing")
	}
	if diff := cmp.Diff(drawings["child.go"], drawings["doc.go"]); diff != "" {
		t.Errorf("-child.go +doc.go:\n%s", diff)
	}
}

func fileNames(t *testing.T, system string) []string {
	t.Helper()
	context := build.Default
	context.GOOS, context.CgoEnabled = system, false
	directory, err := context.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	return directory.GoFiles
}

// edges are, for each file, the files that it calls, and an example of each call.
type edges map[string]map[string]string

// callsBetweenFiles finds where functions and methods of this package are called, or
// named, in another file than their own. Other packages are left empty: what they
// return is none of this package's types, and errors that follow from that are no news.
func callsBetweenFiles(t *testing.T, system string) edges {
	t.Helper()
	set := token.NewFileSet()
	var files []*ast.File
	for _, name := range fileNames(t, system) {
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: emptyPackages{}, Error: func(error) {}}
	config.Check("port", set, files, info)
	calls := edges{}
	for name, object := range info.Uses {
		f, ok := object.(*types.Func)
		if !ok || !f.Pos().IsValid() || isAbstract(f) {
			continue
		}
		from, to := fileOf(set, name), fileOf(set, f)
		if from == to {
			continue
		}
		if calls[from] == nil {
			calls[from] = map[string]string{}
		}
		calls[from][to] = max(calls[from][to], f.Name())
	}
	if len(calls) == 0 {
		t.Fatal("no calls found")
	}
	return calls
}

// isAbstract reports whether a method is one of an interface.
func isAbstract(f *types.Func) bool {
	receiver := f.Signature().Recv()
	return receiver != nil && types.IsInterface(receiver.Type())
}

func fileOf(set *token.FileSet, at interface{ Pos() token.Pos }) string {
	return filepath.Base(set.Position(at.Pos()).Filename)
}

// emptyPackages imports unsafe, and of other packages no more than the name.
type emptyPackages struct{}

func (emptyPackages) Import(path string) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	p := types.NewPackage(path, filepath.Base(path))
	p.MarkComplete()
	return p, nil
}

// circles returns the sets of files that reach each other, each once.
func circles(calls edges) (found [][]string) {
	var names []string
	for from := range calls {
		names = append(names, from)
	}
	slices.Sort(names)
	seen := map[string]bool{}
	for _, name := range names {
		var circle []string
		for other := range reach(calls, name) {
			if reach(calls, other)[name] {
				circle = append(circle, other)
			}
		}
		if len(circle) > 1 && !seen[name] {
			slices.Sort(circle)
			found = append(found, circle)
		}
		for _, other := range circle {
			seen[other] = true
		}
	}
	return found
}

// reach returns the files that a file calls, directly or by way of others.
func reach(calls edges, from string) map[string]bool {
	reached := map[string]bool{}
	for todo := []string{from}; len(todo) > 0; {
		next := todo[0]
		todo = todo[1:]
		for to := range calls[next] {
			if !reached[to] {
				reached[to] = true
				todo = append(todo, to)
			}
		}
	}
	return reached
}

func explain(circle []string, calls edges) string {
	var b strings.Builder
	for _, from := range circle {
		for _, to := range circle {
			if name := calls[from][to]; name != "" {
				b.WriteString(from + " calls " + name + " of " + to + "\n")
			}
		}
	}
	return b.String()
}
