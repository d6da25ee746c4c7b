// SPDX-License-Identifier: ISC

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/alcove-go/alcove/c_src_compat/erlang"
)

// list writes a list to a file of its own.
func list(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// numbered is what a number means.
type numbered struct {
	Name     string
	Number   int
	Arity    int
	NoReturn bool
}

func numberedOf(calls []erlang.Call) []numbered {
	var all []numbered
	for _, c := range calls {
		all = append(all, numbered{c.Name, c.Number, len(c.Args), c.NoReturn})
	}
	return all
}

func TestCallsAreNumberedByTheirPlace(t *testing.T) {
	calls := numberedOf(readLists(t).Calls)
	if len(calls) != 100 {
		t.Errorf("got %d calls, want 100", len(calls))
	}
	want := map[int]numbered{
		0: {"alloc", 0, 1, false}, 20: {"execve", 20, 3, true}, 22: {"exit", 22, 1, true}, 28: {"fork", 28, 0, false},
		54: {"mount", 54, 6, false}, 59: {"prctl", 59, 5, false}, 99: {"write", 99, 2, false},
	}
	got := map[int]numbered{}
	for n := range want {
		got[n] = calls[n]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestExtensionsAreNumberedFrom127Down(t *testing.T) {
	want := []numbered{{"syscall", 127, 2, false}, {"batch", 126, 1, false}, {"getdents", 125, 1, false}}
	others := numberedOf(readLists(t).Others)
	if diff := cmp.Diff(want, others[:len(want)]); diff != "" {
		t.Errorf("the first ones (-want +got):\n%s", diff)
	}
	if last := others[len(others)-1]; last.Number < 100 {
		t.Errorf("%s has the number %d of a call of the C port", last.Name, last.Number)
	}
}

func TestConstantCallsHaveATable(t *testing.T) {
	for _, c := range readLists(t).Calls {
		table, ok := strings.CutSuffix(c.Name, "_constant")
		if !ok {
			continue
		}
		if _, err := readTable(filepath.Join(root, "c_src_compat", "constants", table+".txt")); err != nil {
			t.Error(err)
		}
	}
}

func TestALineOfATableNamesItsSystems(t *testing.T) {
	got, err := readTable(list(t, "# comment\n\none\ntwo linux/arm # of arm\nthree linux=ms_three bsd=mnt_three\n"))
	if err != nil {
		t.Fatal(err)
	}
	type answer struct {
		As string
		OK bool
	}
	want := map[string][]answer{
		"one":   {{"one", true}, {"one", true}, {"one", true}},
		"two":   {{"", false}, {"two", true}, {"", false}},
		"three": {{"ms_three", true}, {"ms_three", true}, {"mnt_three", true}},
	}
	answers := map[string][]answer{}
	for _, n := range got.Names {
		for _, on := range []target{amd64, arm, {"freebsd", "amd64"}} {
			as, ok := n.on(on)
			answers[n.Name] = append(answers[n.Name], answer{as, ok})
		}
	}
	if diff := cmp.Diff(want, answers); diff != "" {
		t.Errorf("names on linux/amd64, linux/arm, freebsd/amd64 (-want +got):\n%s", diff)
	}
}

func TestAMistakeInAListIsNamedWithItsLine(t *testing.T) {
	table := func(path string) error { _, err := readTable(path); return err }
	numbers := func(path string) error { return values{}.addList(path, amd64) }
	for _, tt := range []struct {
		name, text, want string
		read             func(path string) error
	}{
		{"a constant listed twice", "one\none linux\n", ":2: one is listed twice", table},
		{"a value without a header", "one 1\n", ":1: one: want a name", numbers},
		{"a value that is no number", "one x one.h\n", ":1: one: ", numbers},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.read(list(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}
