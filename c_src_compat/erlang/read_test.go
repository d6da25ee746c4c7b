// SPDX-License-Identifier: ISC

package erlang

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestHeadIsTakenApart(t *testing.T) {
	for _, tt := range []struct {
		name, head string
		want       Call
	}{
		{
			"without arguments", "fork() -> {ok, pid_t()} | {error, posix()}.",
			Call{Name: "fork", Result: "{ok, pid_t()} | {error, posix()}"},
		},
		{
			"with commas in brackets", "f(A :: {ok, x()}, B :: [y(), ...]) -> ok.",
			Call{Name: "f", Args: []Arg{{"A", "{ok, x()}"}, {"B", "[y(), ...]"}}, Result: "ok"},
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

// list writes a list to a file of its own.
func list(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "list.txt")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestListIsRead(t *testing.T) {
	path := list(t, `# a comment

f(A :: x(),
  B :: y()) -> ok.
    @noreturn

    Text of f.

        1 = f(2).

g() -> ok.
    @hidden

    Text of g,
    two lines.
`)
	f := Call{Name: "f", Args: []Arg{{"A", "x()"}, {"B", "y()"}}, Result: "ok", NoReturn: true,
		Doc: []string{"Text of f.", "", "```", "1 = f(2).", "'''"}}
	g := Call{Name: "g", Number: 1, Result: "ok", Hidden: true, Doc: []string{"Text of g,", "two lines."}}
	got, err := ReadCalls(path)
	if diff := cmp.Diff([]Call{f, g}, got); diff != "" || err != nil {
		t.Errorf("%v, calls (-want +got):\n%s", err, diff)
	}
	f.Number, g.Number = 127, 126
	got, err = ReadExtensions(path)
	if diff := cmp.Diff([]Call{f, g}, got); diff != "" || err != nil {
		t.Errorf("%v, extensions (-want +got):\n%s", err, diff)
	}
}

func TestMistakeInAListIsNamedWithItsLine(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"a head without a result", "fork().\n", `:1: "fork()." is not the head`},
		{"an argument without a type", "fork() -> ok.\n\n# comment\nkill(Pid) -> ok.\n", `:4: kill: argument "Pid"`},
		{"a head without an end", "fork() -> ok\n    text\n", ":1: "},
		{"a call listed twice", "fork() -> ok.\nfork() -> ok.\n", ":2: fork is listed twice"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			calls, err := ReadCalls(list(t, tt.text))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, error %v, want one with %q", calls, err, tt.want)
			}
		})
	}
}

func TestKindsOfArgumentsEndWithTheLastName(t *testing.T) {
	args := []Arg{{"FD", "fd()"}, {"Argv", "[name()]"}, {"Path", "name()"}, {"Mode", "mode_t()"}}
	for _, tt := range []struct {
		args []Arg
		want []string
	}{
		{args, []string{"other", "names", "name"}},
		{args[3:], []string{}},
		{nil, nil},
	} {
		if diff := cmp.Diff(tt.want, kindsOf(Call{Args: tt.args})); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.args, diff)
		}
	}
}
