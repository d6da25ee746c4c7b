// SPDX-License-Identifier: ISC

package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	// Not used, but read: go.mod has to name it.
	_ "golang.org/x/sys/unix"
)

// values are the constants of one target by their names in lower case, those of
// system calls with the prefix sys_.
type values map[string]int64

// sysDir finds golang.org/x/sys/unix in the module cache, in the version that
// go.mod names.
func sysDir(root string) (string, error) {
	cmd := exec.Command("go", "list", "-f", "{{.Dir}}", "golang.org/x/sys/unix")
	cmd.Dir = root
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("find golang.org/x/sys/unix: go list: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// readValues reads the constants of a target: from the generated files of
// golang.org/x/sys/unix, which were made from the headers of each architecture,
// and then from the list of the system, values_linux.txt for instance, which wins.
func readValues(sys, root string, t target) (values, error) {
	v := values{}
	for _, file := range []string{
		"zerrors_" + t.OS + ".go",
		"zerrors_" + t.OS + "_" + t.Arch + ".go",
		"zsysnum_" + t.OS + "_" + t.Arch + ".go",
		"ztypes_" + t.OS + ".go",
		"ztypes_" + t.OS + "_" + t.Arch + ".go",
	} {
		err := v.addGo(filepath.Join(sys, file))
		if errors.Is(err, fs.ErrNotExist) && !strings.Contains(file, t.Arch) {
			continue // only Linux has files for all architectures
		}
		if err != nil {
			return nil, err
		}
	}
	return v, v.addList(filepath.Join(root, "c_src_compat", "values_"+t.OS+".txt"), t)
}

// addGo adds the constants that a Go file declares with a number, or with a number
// converted to a type.
func (v values) addGo(path string) error {
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	for _, decl := range file.Decls {
		if d, ok := decl.(*ast.GenDecl); ok && d.Tok == token.CONST {
			v.addSpecs(d.Specs)
		}
	}
	return nil
}

func (v values) addSpecs(specs []ast.Spec) {
	for _, s := range specs {
		spec := s.(*ast.ValueSpec)
		for i, name := range spec.Names {
			if i >= len(spec.Values) {
				break
			}
			if n, ok := number(spec.Values[i]); ok {
				v[strings.ToLower(name.Name)] = n
			}
		}
	}
}

// number evaluates 1, -1 and T(1). Numbers above the range of int64 wrap, as those
// of the type unsigned long do when C converts them.
func number(e ast.Expr) (int64, bool) {
	switch e := e.(type) {
	case *ast.CallExpr:
		if len(e.Args) == 1 {
			return number(e.Args[0])
		}
	case *ast.UnaryExpr:
		n, ok := number(e.X)
		return -n, ok && e.Op == token.SUB
	case *ast.BasicLit:
		if e.Kind != token.INT {
			return 0, false
		}
		c := constant.MakeFromLiteral(e.Value, e.Kind, 0)
		if n, ok := constant.Uint64Val(c); ok {
			return int64(n), true
		}
	}
	return 0, false
}

// addList adds the lines of a list of values that are for t: a name, its value, the header
// that defines it, and the architectures unless the value is that of all.
func (v values) addList(path string, t target) error {
	return eachLine(path, func(words []string) error {
		if len(words) < 3 {
			return fmt.Errorf("%s: want a name, a value and a header", words[0])
		}
		if archs := words[3:]; len(archs) > 0 && !slices.Contains(archs, t.Arch) {
			return nil
		}
		n, err := strconv.ParseInt(words[1], 0, 64)
		if err != nil {
			return fmt.Errorf("%s: %w", words[0], err)
		}
		v[words[0]] = n
		return nil
	})
}
