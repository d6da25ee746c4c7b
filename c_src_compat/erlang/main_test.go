package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func TestGeneratedModuleIsUpToDate(t *testing.T) {
	files, err := generate(filepath.Join(root, "c_src_compat"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 4 {
		t.Errorf("%d files are generated, want 4", len(files))
	}
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s is stale, run make gen (-generated +file):\n%s", path, diff)
		}
	}
}

func TestHeadIsTakenApart(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		want       call
	}{
		{
			"without arguments", "fork() -> {ok, pid_t()} | {error, posix()}.",
			call{Name: "fork", Result: "{ok, pid_t()} | {error, posix()}"},
		},
		{
			"with commas in brackets", "f(A :: {ok, x()}, B :: [y(), ...]) -> ok.",
			call{Name: "f", Args: []arg{{"A", "{ok, x()}"}, {"B", "[y(), ...]"}}, Result: "ok"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHead(tt.head)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestHeadThatIsNoneIsRefused(t *testing.T) {
	for _, head := range []string{"fork", "fork() ->", "f(A) -> ok."} {
		if c, err := parseHead(head); err == nil {
			t.Errorf("%q is taken for %+v", head, c)
		}
	}
}

func TestCallsDisagreeWhenOneIsMissing(t *testing.T) {
	list := filepath.Join(t.TempDir(), "calls.txt")
	if err := os.WriteFile(list, []byte("a/0\nb/1 noreturn # last\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	a, b := call{Name: "a"}, call{Name: "b", Args: []arg{{"X", "x()"}}}
	if err := agree([]call{a, b}, list); err != nil {
		t.Error(err)
	}
	for _, calls := range [][]call{{a}, {b, a}, {a, b, a}, {a, {Name: "b"}}} {
		if err := agree(calls, list); err == nil {
			t.Errorf("%+v agree with the list of a/0 and b/1", calls)
		}
	}
}

func TestKindsOfArgumentsEndWithTheLastName(t *testing.T) {
	args := []arg{{"FD", "fd()"}, {"Argv", "[name()]"}, {"Path", "name()"}, {"Mode", "mode_t()"}}
	for _, tt := range []struct {
		args []arg
		want []string
	}{
		{args, []string{"other", "names", "name"}},
		{args[3:], []string{}},
		{nil, nil},
	} {
		if diff := cmp.Diff(tt.want, kindsOf(call{Args: tt.args})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.args, diff)
		}
	}
}
