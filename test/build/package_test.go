// SPDX-License-Identifier: ISC

package build

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// builders are the commands that build programs from source.
var builders = []string{"go", "gofmt", "make", "gmake", "cc", "gcc", "g++", "c89", "c99", "cpp", "as", "ld", "clang", "tcc"}

// ownProgram is the file of the package that the driver takes here.
const ownProgram = "alcove-" + runtime.GOOS + "-" + runtime.GOARCH

const (
	usesAppSrc = `{application, smoke, [{vsn, "1.0.0"}, {applications, [kernel, stdlib, alcove]}]}.
`
	usesErlang = `-module(smoke_tests).
-include_lib("eunit/include/eunit.hrl").
-include_lib("alcove/include/alcove.hrl").

run_test() ->
    io:format(user, "program: ~s~n", [filename:basename(alcove_drv:progname())]),
    {ok, #{stdout := Output}} = alcove_run:run(["cat"], #{stdin => "text"}),
    ?assertEqual(<<"text">>, Output).
`
	usesElixir = `defmodule SmokeTest do
  use ExUnit.Case

  test "a program answers" do
    IO.puts("program: #{Path.basename(:alcove_drv.progname())}")
    assert {:ok, %{stdout: "text"}} = :alcove_run.run(["cat"], %{stdin: "text"})
  end
end
`
	prxErlang = `-module(prx).
-export([version/0]).

version() ->
    {ok, Drv} = alcove_drv:start(),
    Version = alcove:version(Drv, []),
    ok = alcove_drv:stop(Drv),
    Version.
`
	usesPrxErlang = `-module(prx_tests).
-include_lib("eunit/include/eunit.hrl").

version_test() -> ?assertEqual(<<"1.0.1">>, prx:version()).
`
	usesPrxElixir = `defmodule PrxTest do
  use ExUnit.Case

  test "prx uses the same application", do: assert :prx.version() == "1.0.1"
end
`
)

// packages is the folder with the package of the tree, once a test has asked for it.
var packages string

// packed makes that package.
var packed = sync.OnceValue(func() (err error) {
	if packages, err = os.MkdirTemp("", "package"); err != nil {
		return err
	}
	if output, err := run(root, "package", "DIST="+packages); err != nil {
		return fmt.Errorf("make package: %v\n%s", err, output)
	}
	return nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if packages != "" {
		os.RemoveAll(packages)
	}
	os.Exit(code)
}

// pack returns the file of the package of the tree.
func pack(t *testing.T) string {
	t.Helper()
	if err := packed(); err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(packages, "alcove_go-*.tar"))
	if err != nil || len(found) != 1 {
		t.Fatalf("packages in %s: %v, %v", packages, found, err)
	}
	return found[0]
}

// unpacked lays the package into a folder, by the commands that the page shows.
func unpacked(t *testing.T, file string) string {
	t.Helper()
	folder := t.TempDir()
	link(t, file, filepath.Join(folder, filepath.Base(file)))
	first, _, _ := strings.Cut(block(t, "In a minute"), "\n")
	if out, err := shell(folder, os.Getenv("PATH"), first); err != nil {
		t.Fatalf("%s: %v\n%s", first, err, out)
	}
	return filepath.Join(folder, "alcove")
}

func shell(folder, path, script string) (string, error) {
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir = folder
	cmd.Env = []string{"PATH=" + path, "HOME=" + folder, "LC_ALL=C.UTF-8", "TERM=dumb"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// page returns the text about installing.
func page(t *testing.T) string {
	t.Helper()
	return string(read(t, filepath.Join(root, "erlang/doc/installing.md")))
}

// block returns the first example below a heading of that page.
func block(t *testing.T, heading string) string {
	t.Helper()
	_, below, found := strings.Cut(page(t), "\n## "+heading+"\n")
	_, code, _ := strings.Cut(below, "```\n")
	code, _, closed := strings.Cut(code, "```\n")
	if !found || !closed {
		t.Fatalf("the page has no example below %q", heading)
	}
	return code
}

// shown returns a text that is on the page about installing, for use by a test.
func shown(t *testing.T, text string) string {
	t.Helper()
	if !strings.Contains(page(t), text) {
		t.Fatalf("the page does not show %s", text)
	}
	return text
}

// toolsFor makes a folder that has the commands named, and no others.
func toolsFor(t *testing.T, names ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		link(t, tool(t, name), filepath.Join(dir, name))
	}
	return dir
}

func TestThePackageHasWhatItSays(t *testing.T) {
	file := pack(t)
	sizeIsThatOfThePage(t, file)
	folder := unpacked(t, file)
	if got, want := string(read(t, filepath.Join(folder, "rebar.config"))), "{minimum_otp_vsn,\"24\"}.\n{deps,[]}.\n{erl_opts,[debug_info]}.\n"; got != want {
		t.Errorf("rebar.config:\n%s", cmp.Diff(want, got))
	}
	for _, name := range []string{"README.md", "LICENSE", "CHANGELOG.md", "doc/README.md", "src/alcove.app.src", "include/alcove.hrl"} {
		read(t, filepath.Join(folder, name))
	}
	sums, err := shell(filepath.Join(folder, ".."), os.Getenv("PATH"), block(t, "Verify"))
	if err != nil || strings.Count(sums, ": OK\n") != 6 {
		t.Errorf("checksums: %v\n%s", err, sums)
	}
	programs, err := filepath.Glob(filepath.Join(folder, "priv/alcove-*"))
	if err != nil || len(programs) != 5 {
		t.Errorf("programs: %v, %v", programs, err)
	}
	for _, program := range programs {
		if info, err := os.Stat(program); err != nil || info.Mode() != 0o755 {
			t.Errorf("%s: %v, %v, want mode 0755", program, info.Mode(), err)
		}
	}
	linksLead(t, folder)
}

// sizeIsThatOfThePage leaves room for changes that nobody would tell a reader.
func sizeIsThatOfThePage(t *testing.T, file string) {
	t.Helper()
	var said float64
	if _, text, _ := strings.Cut(page(t), "package, which is "); text != "" {
		fmt.Sscanf(text, "%f MB", &said)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if is := float64(info.Size()) / 1e6; math.Abs(is-said) > 0.3 {
		t.Errorf("the package has %.2f MB, the page says %.1f", is, said)
	}
}

var markdownLink = regexp.MustCompile(`\]\(([^)#: ]+)(?:#[^)]*)?\)`)

// linksLead checks that links in the texts of a package lead to files in it.
func linksLead(t *testing.T, folder string) {
	t.Helper()
	links := 0
	for _, pattern := range []string{"*.md", "doc/*.md"} {
		texts, _ := filepath.Glob(filepath.Join(folder, pattern))
		for _, text := range texts {
			for _, m := range markdownLink.FindAllStringSubmatch(string(read(t, text)), -1) {
				links++
				if _, err := os.Stat(filepath.Join(filepath.Dir(text), m[1])); err != nil {
					t.Errorf("%s: %v", text, err)
				}
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links were found", links)
	}
}

// TestThePackageRunsAProgramInAMinute does what the first section of the page says, where there is
// nothing but Erlang, rebar3 and tar.
func TestThePackageRunsAProgramInAMinute(t *testing.T) {
	folder := t.TempDir()
	file := pack(t)
	link(t, file, filepath.Join(folder, filepath.Base(file)))
	path := toolsFor(t, "erl", "escript", "rebar3", "sh", "env", "tar", "gzip", "mkdir", "dirname", "basename", "sed", "uname", "echo")
	input, answers := session(t)
	out, err := shell(folder, path, strings.TrimSpace(block(t, "In a minute"))+" <<'END'\n"+input+"halt().\nEND\n")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if exec.Command("unshare", "--user", "true").Run() != nil && os.Getuid() != 0 {
		t.Log("users may not make namespaces here, so nothing is seen of the sandbox")
		answers = answers[:1]
	}
	for _, answer := range answers {
		if !strings.Contains(out, answer) {
			t.Errorf("no %q in\n%s", answer, out)
		}
	}
}

// session returns what the first section of the page has typed, and how each is answered.
func session(t *testing.T) (input string, answers []string) {
	t.Helper()
	_, shown, _ := strings.Cut(page(t), "\n1> ")
	shown, _, _ = strings.Cut(shown, "```")
	for i, part := range regexp.MustCompile(`(?m)^\d+> `).Split(shown, -1) {
		call, answer, _ := strings.Cut(part, "\n")
		input += call + "\n"
		answers = append(answers, fmt.Sprintf("%d> %s", i+1, answer))
	}
	if len(answers) < 2 {
		t.Fatalf("the page has the answers %q", answers)
	}
	return input, answers
}

func TestThePackageIsTheSameWhereverItIsPacked(t *testing.T) {
	first := read(t, pack(t))
	top := checkout(t)
	script := `umask 077 && find . -name '*.md' -exec touch -d 2001-01-01 {} + && make package`
	user(t, top, os.Getenv("PATH"), append(caches(t), "LC_ALL=C", "TZ=Asia/Tokyo", "USER=other"), []string{"sh", "-c", script})
	found, _ := filepath.Glob(filepath.Join(top, "dist/alcove_go-*.tar"))
	if len(found) != 1 || string(read(t, found[0])) != string(first) {
		t.Errorf("%v is not what is packed here", found)
	}
}

func TestAPackageIsVerifiedByBuildingItAgain(t *testing.T) {
	file := pack(t)
	output, err := run(root, "verify", "TARBALL="+file)
	if err != nil || !strings.Contains(output, "the same, byte for byte") {
		t.Errorf("make verify: %v\n%s", err, output)
	}
	other := filepath.Join(t.TempDir(), "other.tar")
	write(t, other, string(read(t, file))+"more", 0o600)
	if output, err := run(root, "verify", "TARBALL="+other); err == nil || strings.Contains(output, "the same, byte") {
		t.Errorf("make verify of another file: %v\n%s", err, output)
	}
}

// registry serves the package as hex does, and returns the home of a user whose rebar3 asks it.
func registry(t *testing.T, file string) string {
	t.Helper()
	folder := t.TempDir()
	key, err := exec.Command("escript", "testdata/registry.escript", tool(t, "rebar3"), file, folder).Output()
	if err != nil {
		t.Fatalf("registry.escript: %v\n%s", err, key)
	}
	files := http.FileServer(http.Dir(folder))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"`+r.URL.Path+`"`) // without it rebar3 takes nothing
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	config := t.TempDir()
	path := filepath.Join(config, ".config/rebar3/rebar.config")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, path, fmt.Sprintf(`{hex, [{repos, [#{name => <<"local">>, repo_url => <<"%s">>, repo_public_key => <<"%s">>}]}]}.`, server.URL, key), 0o600)
	return config
}

// prx makes a repository that depends on the original in the way of prx, from where nothing can be
// fetched.
func prx(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	write(t, filepath.Join(top, "rebar.config"), `{deps, [{alcove, {git, "git://127.0.0.1:1/alcove.git", {branch, "master"}}}]}.`+"\n", 0o600)
	if err := os.Mkdir(filepath.Join(top, "src"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(top, "src/prx.app.src"), `{application, prx, [{vsn, "1.0.0"}, {applications, [kernel, stdlib, alcove]}]}.`+"\n", 0o600)
	write(t, filepath.Join(top, "src/prx.erl"), prxErlang, 0o600)
	script := "git init -q -b master && git add -A && git -c user.name=test -c user.email=test@localhost commit -q -m prx"
	if out, err := shell(top, os.Getenv("PATH"), script); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return top
}

// withPrx puts the repository of a test in place of that of prx.
func withPrx(text, top string) string {
	return strings.ReplaceAll(text, "https://github.com/msantos/prx.git", "file://"+top)
}

func TestRebarProjectsTakeThePackageFromHexWithNothingThatBuildsPrograms(t *testing.T) {
	home := registry(t, pack(t))
	bin := without(t, builders...)
	env := []string{"HOME=" + home, "http_proxy=", "https_proxy="}
	for _, tt := range []struct {
		name, config string
		tests        map[string]string
	}{
		{"alone", shown(t, `{deps, [{alcove, "~> 1.1", {pkg, alcove_go}}]}.`), nil},
		{"instead of the one that prx names", withPrx(block(t, "Below prx"), prx(t)), map[string]string{"test/prx_tests.erl": usesPrxErlang}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			project := map[string]string{
				"rebar.config":         tt.config + "\n",
				"src/smoke.app.src":    usesAppSrc,
				"test/smoke_tests.erl": usesErlang,
			}
			maps.Copy(project, tt.tests)
			folder := files(t, filepath.Join(t.TempDir(), "top"), project)
			passed(t, user(t, folder, bin, env, []string{"rebar3", "eunit"}), ownProgram)
			nothingOdd(t, folder)
		})
	}
}

// The client of hex for mix is not everywhere, so the package is a folder here.
func TestMixProjectsTakeThePackageWithNothingThatBuildsPrograms(t *testing.T) {
	folder := unpacked(t, pack(t))
	bin := without(t, builders...)
	local := strings.NewReplacer(`"~> 1.1", hex: :alcove_go`, `path: "`+folder+`"`)
	for _, tt := range []struct {
		name, deps string
		tests      map[string]string
	}{
		{"alone", shown(t, `{:alcove, "~> 1.1", hex: :alcove_go}`), nil},
		{"instead of the one that prx names", withPrx(shown(t, mixBelowPrx), prx(t)), map[string]string{"test/prx_test.exs": usesPrxElixir}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			project := map[string]string{
				"mix.exs":              fmt.Sprintf(mixProjectFile, local.Replace(tt.deps)),
				"lib/smoke.ex":         "defmodule Smoke do\nend\n",
				"test/smoke_test.exs":  usesElixir,
				"test/test_helper.exs": "ExUnit.start()\n",
			}
			maps.Copy(project, tt.tests)
			folder := files(t, filepath.Join(t.TempDir(), "top"), project)
			passed(t, user(t, folder, bin, nil, []string{"mix", "deps.get"}, []string{"mix", "test"}), ownProgram)
			nothingOdd(t, folder)
		})
	}
}

const (
	mixBelowPrx = `{:alcove, "~> 1.1", hex: :alcove_go, override: true},
{:prx, git: "https://github.com/msantos/prx.git"}
`
	mixProjectFile = `defmodule Smoke.MixProject do
  use Mix.Project
  def project, do: [app: :smoke, version: "1.0.0", deps: [%s]]
  def application, do: [extra_applications: [:logger]]
end
`
)
