// SPDX-License-Identifier: ISC

package build

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A user's project forks, executes a program and reads its answer.
const (
	appSrc = `{application, smoke, [
    {description, "A project that depends on alcove"}, {vsn, "1.0.0"}, {registered, []},
    {applications, [kernel, stdlib, alcove]}, {env, []}
]}.
`
	erlangSource = `-module(smoke).
-export([run/1]).
-include_lib("alcove/include/alcove.hrl").

run(Text) ->
    {ok, Drv} = alcove_drv:start(),
    {ok, Pid} = alcove:fork(Drv, []),
    ok = alcove:setrlimit(Drv, [Pid], rlimit_core, #alcove_rlimit{cur = 0, max = 0}),
    ok = alcove:execvp(Drv, [Pid], "cat", ["cat"]),
    ok = alcove:stdin(Drv, [Pid], Text),
    Output = receive {alcove_stdout, Drv, [Pid], Bytes} -> Bytes after 30000 -> none end,
    ok = alcove_drv:stop(Drv),
    Output.
`
	erlangTests = `-module(smoke_tests).
-include_lib("eunit/include/eunit.hrl").

run_test() ->
    io:format(user, "program: ~s~n", [filename:basename(alcove_drv:progname())]),
    ?assertEqual(<<"text">>, smoke:run("text")).
`
	elixirSource = `defmodule Smoke do
  require Record
  @header "alcove/include/alcove.hrl"
  Record.defrecord(:rlimit, :alcove_rlimit, Record.extract(:alcove_rlimit, from_lib: @header))

  def run(text) do
    {:ok, drv} = :alcove_drv.start()
    {:ok, pid} = :alcove.fork(drv, [])
    :ok = :alcove.setrlimit(drv, [pid], :rlimit_core, rlimit(cur: 0, max: 0))
    :ok = :alcove.execvp(drv, [pid], "cat", ["cat"])
    :ok = :alcove.stdin(drv, [pid], text)

    output =
      receive do
        {:alcove_stdout, ^drv, [^pid], bytes} -> bytes
      after
        30_000 -> nil
      end

    :ok = :alcove_drv.stop(drv)
    output
  end
end
`
	elixirTests = `defmodule SmokeTest do
  use ExUnit.Case

  test "a program answers" do
    IO.puts("program: #{Path.basename(:alcove_drv.progname())}")
    assert Smoke.run("text") == "text"
  end
end
`
)

const release = `{relx, [{release, {smoke, "1.0.0"}, [smoke]}]}.
`

// checkout copies the tree as it is, without what is built, as a repository of its own.
func checkout(t *testing.T) string {
	t.Helper()
	top := filepath.Join(t.TempDir(), "checkout")
	script := `mkdir "$1" && git ls-files -coz --exclude-standard |
		tar --null --ignore-failed-read -T - -c 2>/dev/null | tar -x -C "$1" && cd "$1" &&
		git init -q -b main && git add -A && git -c user.name=test -c user.email=test@localhost commit -q -m copy`
	cmd := exec.Command("sh", "-c", script, "sh", top)
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("copying the tree: %v\n%s", err, out)
	}
	return top
}

// files writes files into a new folder beside a checkout.
func files(t *testing.T, top string, files map[string]string) string {
	t.Helper()
	folder := filepath.Join(filepath.Dir(top), "project")
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path, text, 0o600)
	}
	return folder
}

// rebarProject makes a project for rebar3 in a new folder.
func rebarProject(t *testing.T, top, below, config string) string {
	t.Helper()
	return files(t, top, map[string]string{
		"rebar.config": config,
		filepath.Join(below, "src/smoke.app.src"):    appSrc,
		filepath.Join(below, "src/smoke.erl"):        erlangSource,
		filepath.Join(below, "test/smoke_tests.erl"): erlangTests,
	})
}

// mixProject makes a project for mix in a new folder.
func mixProject(t *testing.T, top, dependency string) string {
	t.Helper()
	return files(t, top, map[string]string{
		"mix.exs": `defmodule Smoke.MixProject do
  use Mix.Project
  def project, do: [app: :smoke, version: "1.0.0", deps: [{:alcove, ` + dependency + `}]]
  def application, do: [extra_applications: [:logger]]
end
`,
		"lib/smoke.ex":         elixirSource,
		"test/smoke_test.exs":  elixirTests,
		"test/test_helper.exs": "ExUnit.start()\n",
	})
}

// tool returns the path of a program, without which the test is skipped.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

// user runs the commands of a user in a folder: with a home of their own and little else in the
// environment, and whatever would ask the network fails.
func user(t *testing.T, folder, path string, env []string, commands ...[]string) string {
	t.Helper()
	var output strings.Builder
	home := t.TempDir()
	for _, command := range commands {
		cmd := exec.Command(tool(t, command[0]), command[1:]...)
		cmd.Dir = folder
		cmd.Env = append([]string{
			"PATH=" + path, "HOME=" + home, "LC_ALL=C.UTF-8", "MIX_REBAR3=" + tool(t, "rebar3"),
			"GOPROXY=off", "GOTOOLCHAIN=local", "HEX_OFFLINE=1", "http_proxy=http://127.0.0.1:1", "https_proxy=http://127.0.0.1:1",
		}, env...)
		out, err := cmd.CombinedOutput()
		output.Write(out)
		if err != nil {
			t.Fatalf("%v: %v\n%s", command, err, output.String())
		}
	}
	return output.String()
}

// caches returns where Go keeps the modules and packages that have been built.
func caches(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	lines := strings.Fields(string(out))
	return []string{"GOMODCACHE=" + lines[0], "GOCACHE=" + lines[1]}
}

// success is what EUnit and ExUnit, before 1.20 and since, print when tests have passed.
var success = regexp.MustCompile(`[1-9] tests?, 0 failures|Result: [1-9]\d* passed`)

// passed checks that the tests of a project have run with a program.
func passed(t *testing.T, output, program string) {
	t.Helper()
	if want := "program: " + program + "\n"; !strings.Contains(output, want) || !success.MatchString(output) {
		t.Errorf("the project says not %q and that its tests have passed, but\n%s", want, output)
	}
}

// released checks that there is a release, and that its tools complain of nothing in this
// application. They may of OTP, whose sources are not installed everywhere.
func released(t *testing.T, output string) {
	t.Helper()
	if warning := regexp.MustCompile(`\*WARNING\* alcove.*`).FindString(output); warning != "" ||
		!strings.Contains(output, "Release successfully assembled") {
		t.Errorf("want a release without a warning, got %s", output)
	}
}

// sameAsCommitted checks that a build has left nothing that git would show.
func sameAsCommitted(t *testing.T, top string) {
	t.Helper()
	out, err := exec.Command("git", "-C", top, "status", "--porcelain").CombinedOutput()
	if diff := cmp.Diff("", string(out)); err != nil || diff != "" {
		t.Errorf("git status: %v (-want +got):\n%s", err, diff)
	}
}

func TestRebarProjectBuildsTheCheckoutAndUsesIt(t *testing.T) {
	for _, tt := range []struct {
		name, below, link string // where its source is, and where the checkout
		config            string
	}{
		{"_checkouts", "", "_checkouts/alcove", "{deps, [alcove]}."},
		{"an application beside", "apps/smoke", "apps/alcove", `{project_app_dirs, ["apps/*", "apps/alcove/erlang"]}.`},
		{"a repository", "", "", `{deps, [{alcove, {git, "file://CHECKOUT", {branch, "main"}}}]}.`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := checkout(t)
			folder := rebarProject(t, top, tt.below, strings.ReplaceAll(tt.config, "CHECKOUT", top)+"\n"+release)
			if tt.link != "" {
				link(t, top, filepath.Join(folder, tt.link))
			}
			output := user(t, folder, os.Getenv("PATH"), caches(t), []string{"rebar3", "eunit"}, []string{"rebar3", "release"})
			passed(t, output, "alcove")
			released(t, output)
			sameAsCommitted(t, top)
			nothingOdd(t, folder)
		})
	}
}

func TestMixProjectBuildsTheCheckoutAndUsesIt(t *testing.T) {
	for _, tt := range []struct {
		name, dependency string
		env              []string
	}{
		{"its path", `path: "CHECKOUT"`, nil},
		{"its path in production", `path: "CHECKOUT"`, []string{"MIX_ENV=prod"}},
		{"the path of the application", `path: "CHECKOUT/erlang", manager: :rebar3`, nil},
		{"a repository", `git: "file://CHECKOUT"`, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := checkout(t)
			folder := mixProject(t, top, strings.ReplaceAll(tt.dependency, "CHECKOUT", top))
			env := append(caches(t), tt.env...)
			output := user(t, folder, os.Getenv("PATH"), env, []string{"mix", "deps.get"}, []string{"mix", "test"})
			passed(t, output, "alcove")
			sameAsCommitted(t, top)
			nothingOdd(t, folder)
		})
	}
}

func TestProjectsAreBuiltWithoutGo(t *testing.T) {
	top := checkout(t)
	dist := filepath.Join(filepath.Dir(top), "dist")
	user(t, top, os.Getenv("PATH"), caches(t), []string{"make", "dist", "DIST=" + dist})
	own := "alcove-" + runtime.GOOS + "-" + runtime.GOARCH
	bin := withoutGo(t)
	for _, tt := range []struct{ name, given, program string }{
		{"a program", filepath.Join(dist, own), "alcove"},
		{"a folder of programs", dist, own},
	} {
		env := []string{"ALCOVE_PREBUILT=" + tt.given}
		t.Run("rebar3 with "+tt.name, func(t *testing.T) {
			top := checkout(t)
			folder := rebarProject(t, top, "", "{deps, [alcove]}.\n")
			link(t, top, filepath.Join(folder, "_checkouts/alcove"))
			passed(t, user(t, folder, bin, env, []string{"rebar3", "eunit"}), tt.program)
			sameAsCommitted(t, top)
		})
		t.Run("mix with "+tt.name, func(t *testing.T) {
			top := checkout(t)
			folder := mixProject(t, top, `path: "`+top+`"`)
			passed(t, user(t, folder, bin, env, []string{"mix", "test"}), tt.program)
			sameAsCommitted(t, top)
		})
	}
}

// A compiler that is newer than this project may warn of what was right before.
func TestWarningsEndTheBuildOfThisProjectOnly(t *testing.T) {
	top := checkout(t)
	source := filepath.Join(top, "erlang/src/alcove_wait.erl")
	text, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	write(t, source, string(text)+"\nnever_called() -> ok.\n", 0o600)
	folder := rebarProject(t, top, "", "{deps, [alcove]}.\n")
	link(t, top, filepath.Join(folder, "_checkouts/alcove"))
	output := user(t, folder, os.Getenv("PATH"), caches(t), []string{"rebar3", "compile"})
	if !strings.Contains(output, "never_called") {
		t.Errorf("no warning, but %s", output)
	}
	cmd := exec.Command("make", "-C", top, "compile")
	if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), "never_called") {
		t.Errorf("make: %v, %s", err, out)
	}
}

// TestMakeBuildsNothingTwice also shows that the targets that build may run in any order, or at
// once.
func TestMakeBuildsNothingTwice(t *testing.T) {
	top := checkout(t)
	path, env := os.Getenv("PATH"), caches(t)
	user(t, top, path, env, []string{"make", "-j4", "eg", "doc", "port", "all"})
	first := modified(t, top)
	user(t, top, path, env, []string{"make", "-j4"}, []string{"make"}, []string{"make", "port"})
	if diff := cmp.Diff(first, modified(t, top)); diff != "" {
		t.Errorf("modified (-first +second):\n%s", diff)
	}
	sameAsCommitted(t, top)
	user(t, top, path, env, []string{"make", "clean"})
	ignored, err := exec.Command("git", "-C", top, "status", "--porcelain", "--ignored").CombinedOutput()
	if diff := cmp.Diff("", string(ignored)); err != nil || diff != "" {
		t.Errorf("after make clean: %v (-want +got):\n%s", err, diff)
	}
}

// modified returns when the program and the modules in a tree were written.
func modified(t *testing.T, top string) map[string]int64 {
	t.Helper()
	times := map[string]int64{}
	for _, pattern := range []string{"priv/*", "_build/default/lib/alcove/ebin/*"} {
		paths, err := filepath.Glob(filepath.Join(top, pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("%s: %v, %v", pattern, paths, err)
		}
		for _, path := range paths {
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			times[path] = info.ModTime().UnixNano()
		}
	}
	return times
}

func TestShellRunsWhatIsTyped(t *testing.T) {
	top := checkout(t)
	env := append(caches(t), `SESSION=cd("/"). {ok, Drv} = alcove_drv:start(). {answer, alcove:version(Drv, [])}. alcove_cstruct:module_info(module). halt().`)
	output := user(t, top, os.Getenv("PATH"), env, []string{"sh", "-c", `echo "$SESSION" | make shell`})
	for _, want := range []string{`{answer,<<"1.0.1">>}`, "alcove_cstruct\n"} {
		if !strings.Contains(output, want) {
			t.Errorf("make shell says not %q, but %s", want, output)
		}
	}
}

func TestMakeTestEndsWithTheFirstPartThatFailsUnlessItIsToKeepGoing(t *testing.T) {
	seconds := regexp.MustCompile(`in \d+ s`)
	for _, tt := range []struct {
		flag string
		want []string
	}{
		{"-s", []string{"help passed", "no-such-part FAILED"}},
		{"-k", []string{"help passed", "no-such-part FAILED", "help passed"}},
	} {
		cmd := exec.Command(tool(t, "make"), tt.flag, "test", "PARTS=help:0 no-such-part:0 help:0")
		cmd.Dir = "../.."
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
		out, err := cmd.CombinedOutput()
		var got []string
		for line := range strings.Lines(string(out)) {
			if seconds.MatchString(line) {
				words := strings.Fields(line)
				got = append(got, words[2]+" "+words[3])
			}
		}
		if diff := cmp.Diff(tt.want, got); err == nil || diff != "" {
			t.Errorf("make %s: %v, parts (-want +got):\n%s", tt.flag, err, diff)
		}
	}
}

func TestMakeNamesWhatIsMissing(t *testing.T) {
	top := checkout(t)
	bin := t.TempDir()
	for _, name := range []string{"sh", "make"} {
		link(t, tool(t, name), filepath.Join(bin, name))
	}
	for _, tt := range []struct{ tool, want string }{
		{"erl", "erl is missing; on Debian and its relatives make setup installs it\n"},
		{"rebar3", "rebar3 is missing; on Debian and its relatives make setup installs it\n"},
		{"no-such-go", "alcove is built with Go (https://go.dev/dl/); or give a built program: ALCOVE_PREBUILT=path\n"},
	} {
		cmd := exec.Command(tool(t, "make"), "GO=no-such-go")
		cmd.Dir = top
		cmd.Env = []string{"PATH=" + bin}
		// Before anything else, so that it does not drown.
		if out, err := cmd.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), tt.want) {
			t.Errorf("make without %s: %v\n%s", tt.tool, err, out)
		}
		if path, err := exec.LookPath(tt.tool); err == nil {
			link(t, path, filepath.Join(bin, tt.tool))
		}
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

// nothingOdd checks that no tool has left the traces of a crash.
func nothingOdd(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"rebar3.crashdump", "erl_crash.dump"} {
		if _, err := os.Stat(filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got error %v, want that there is none", name, err)
		}
	}
}
