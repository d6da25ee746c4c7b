// SPDX-License-Identifier: ISC

package gate

import (
	"fmt"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Sources are the packages of the module as they are compiled for a system.
type Sources struct {
	root    string   // folder of the module
	tested  []string // packages that are read with their tests
	context build.Context
	set     *token.FileSet
	info    types.Info
	files   []*ast.File
	byPath  map[string]*types.Package
	names   map[types.Object]string        // system calls by their constants
	bodies  map[types.Object]*ast.FuncDecl // of functions
	named   map[string]types.Object        // functions by their names
	inAsm   []string                       // system calls of assembly
}

// Read reads package main, in the folder root, and all packages of the module that it needs; some
// with their tests.
func Read(root, system, machine string, tested ...string) (*Sources, error) {
	s := &Sources{
		root:    root,
		tested:  tested,
		context: build.Default,
		set:     token.NewFileSet(),
		info:    types.Info{Uses: map[*ast.Ident]types.Object{}, Defs: map[*ast.Ident]types.Object{}},
		byPath:  map[string]*types.Package{},
		names:   map[types.Object]string{},
		bodies:  map[types.Object]*ast.FuncDecl{},
		named:   map[string]types.Object{},
	}
	s.context.GOOS, s.context.GOARCH, s.context.CgoEnabled = system, machine, false
	if _, err := s.Import(strings.TrimSuffix(module, "/")); err != nil {
		return nil, err
	}
	if err := s.readOuterTests(); err != nil {
		return nil, err
	}
	for _, file := range s.files {
		s.note(file)
	}
	return s, nil
}

// Import implements types.Importer. Packages that are not the module's are left empty:
// errors that follow from that are no news.
func (s *Sources) Import(name string) (*types.Package, error) {
	if p := s.byPath[name]; p != nil {
		return p, nil
	}
	inside, own := strings.CutPrefix(name+"/", module)
	if name == "unsafe" {
		return types.Unsafe, nil
	}
	if !own {
		s.byPath[name] = types.NewPackage(name, path.Base(name))
		s.byPath[name].MarkComplete()
		return s.byPath[name], nil
	}
	folder, err := s.context.ImportDir(filepath.Join(s.root, inside), 0)
	if err != nil {
		return nil, err
	}
	names := folder.GoFiles
	if slices.Contains(s.tested, strings.TrimSuffix(inside, "/")) {
		names = slices.Concat(names, folder.TestGoFiles)
	}
	if err := s.readAssembly(folder); err != nil {
		return nil, err
	}
	s.byPath[name], err = s.check(name, folder.Dir, names)
	return s.byPath[name], err
}

// readOuterTests reads the tests that are packages of their own.
func (s *Sources) readOuterTests() error {
	for _, inside := range s.tested {
		folder, err := s.context.ImportDir(filepath.Join(s.root, inside), 0)
		if err != nil {
			return err
		}
		if _, err := s.check(module+inside+"_test", folder.Dir, folder.XTestGoFiles); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sources) check(name, dir string, names []string) (*types.Package, error) {
	var files []*ast.File
	for _, file := range names {
		f, err := parser.ParseFile(s.set, filepath.Join(dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	s.files = append(s.files, files...)
	config := types.Config{Importer: s, Error: func(error) {}}
	p, _ := config.Check(name, s.set, files, &s.info)
	return p, nil
}

// inAssembly is how assembly names a system call: by a macro, or a constant of its package.
var inAssembly = regexp.MustCompile(`\$(?:SYS_|const_sys)(\w+)`)

func (s *Sources) readAssembly(folder *build.Package) error {
	for _, file := range folder.SFiles {
		text, err := os.ReadFile(filepath.Join(folder.Dir, file))
		if err != nil {
			return err
		}
		for _, found := range inAssembly.FindAllStringSubmatch(string(text), -1) {
			s.inAsm = append(s.inAsm, strings.ToUpper(found[1]))
		}
	}
	return nil
}

// note takes down the functions of a file and its constants for system calls.
func (s *Sources) note(file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			f := s.info.Defs[d.Name].(*types.Func)
			s.bodies[f], s.named[plainName(f)] = d, f
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.CONST {
					s.noteConstants(v)
				}
			}
		}
	}
}

// noteConstants takes SYS_X and names for it, x = syscall.SYS_X.
func (s *Sources) noteConstants(spec *ast.ValueSpec) {
	for i, name := range spec.Names {
		called := name.Name
		if i < len(spec.Values) {
			if other, ok := spec.Values[i].(*ast.SelectorExpr); ok {
				called = other.Sel.Name
			}
		}
		if call, ok := strings.CutPrefix(called, "SYS_"); ok {
			s.names[s.info.Defs[name]] = call
		}
	}
}

// SystemCalls returns the system calls of functions of the module, and of all that these name in
// their code, except for what is left out. Functions are named as in port.(*Process).Fork.
func (s *Sources) SystemCalls(from, except []string) ([]string, error) {
	for _, name := range slices.Concat(from, except) {
		if s.named[name] == nil {
			return nil, fmt.Errorf("there is no function %s", name)
		}
	}
	seen, found := map[types.Object]bool{}, map[string]bool{}
	for _, name := range except {
		seen[s.named[name]] = true
	}
	for _, name := range from {
		s.visit(s.named[name], seen, found)
	}
	return slices.Sorted(maps.Keys(found)), nil
}

// visit finds the system calls of a function and of those that it names.
func (s *Sources) visit(function types.Object, seen map[types.Object]bool, found map[string]bool) {
	body := s.bodies[function]
	if body == nil || seen[function] {
		return
	}
	seen[function] = true
	ast.Inspect(body, func(n ast.Node) bool {
		if name, ok := n.(*ast.Ident); ok {
			object := s.info.Uses[name]
			if f, ok := object.(*types.Func); ok {
				object = f.Origin()
			}
			if call, ok := s.names[object]; ok {
				found[call] = true
			}
			s.visit(object, seen, found)
		}
		return true
	})
}

// Assembly returns the system calls of assembly.
func (s *Sources) Assembly() []string {
	slices.Sort(s.inAsm)
	return slices.Compact(s.inAsm)
}

// plainName returns the name of a function without the path of its package.
func plainName(f *types.Func) string {
	receiver := f.Signature().Recv()
	if receiver == nil {
		return f.Pkg().Name() + "." + f.Name()
	}
	short := func(*types.Package) string { return "" }
	return f.Pkg().Name() + ".(" + types.TypeString(receiver.Type(), short) + ")." + f.Name()
}

// Tests returns the names of the tests that were read, for SystemCalls.
func (s *Sources) Tests() (names []string) {
	for name, function := range s.named {
		file := s.set.Position(function.Pos()).Filename
		if strings.HasSuffix(file, "_test.go") && strings.Contains(name, ".Test") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Known returns all system calls that there are names for.
func (s *Sources) Known() []string {
	known := s.Assembly()
	for _, name := range s.names {
		known = append(known, name)
	}
	known = append(known, "SIGRETURN") // by the kernel's own code, where a handler returns
	slices.Sort(known)
	return slices.Compact(known)
}
