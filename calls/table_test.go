package calls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"testing"
)

// A call without a row would have neither a meaning nor a reply.
func TestEveryCallHasARowInTheTableOfEverySystem(t *testing.T) {
	tables, err := filepath.Glob("table_*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, path := range tables {
		rows := tableRows(t, path)
		if rows == nil {
			continue // a test
		}
		found++
		for _, call := range callConstants(t) {
			if !rows[call] {
				t.Errorf("%s has no row for %s", path, call)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d tables in %v, want those of Linux and FreeBSD", found, tables)
	}
}

// tableRows are the keys of the rows of the table that a file declares, nil if it declares none.
func tableRows(t *testing.T, path string) map[string]bool {
	t.Helper()
	var rows map[string]bool
	for name, value := range declared(t, path, token.VAR) {
		if name != "table" {
			continue
		}
		rows = map[string]bool{}
		for _, row := range value.(*ast.CompositeLit).Elts {
			rows[row.(*ast.KeyValueExpr).Key.(*ast.Ident).Name] = true
		}
	}
	return rows
}

// callConstants are the names of the numbers of all calls.
func callConstants(t *testing.T) (names []string) {
	t.Helper()
	for name := range declared(t, "zcalls.go", token.CONST) {
		if name != "callCount" {
			names = append(names, name)
		}
	}
	if len(names) != callCount {
		t.Fatalf("%d constants, want %d", len(names), callCount)
	}
	return names
}

// declared are the variables or constants that a file declares, with their values.
func declared(t *testing.T, path string, kind token.Token) map[string]ast.Expr {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]ast.Expr{}
	for _, d := range file.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != kind {
			continue
		}
		for _, s := range decl.Specs {
			spec := s.(*ast.ValueSpec)
			for i, name := range spec.Names {
				all[name.Name] = spec.Values[i]
			}
		}
	}
	return all
}
