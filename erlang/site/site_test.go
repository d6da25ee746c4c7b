// SPDX-License-Identifier: ISC

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// project writes a small project and returns its folder.
func project(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func small() (map[string]string, *manual) {
	files := map[string]string{
		"README.md":                "# One\n\n[two](erlang/doc/two.md#its-end), [code](main.go)\n",
		"main.go":                  "package main\n",
		"erlang/doc/two.md":        "# Two\n\n## Its `end`\n\n`alcove_x:f/1`, `alcove_y:g/1`\n\n| a |\n| - |\n| b |\n",
		"erlang/examples/demo.erl": "%% @doc A tour.\n-module(demo).\n",
	}
	return files, &manual{
		SourceURL: "https://forge.example/alcove",
		Pages:     []members{{"Pages", []string{"README.md", "erlang/doc/two.md"}}},
		Groups:    []members{{"Modules", []string{"alcove_x"}}},
		Modules: []*module{{
			Name:      "alcove_x",
			Doc:       "<p>Does.</p><pre>x % comment</pre>",
			Functions: []declaration{{"f", 1, "f(X)", "f(X :: t()) -> ok.", "<p>Is.</p>"}},
			Types:     []declaration{{"t", 0, "", "t() :: any().", ""}},
		}},
	}
}

func TestPagesAndManualRefersToEachOther(t *testing.T) {
	files, m := small()
	root, out := project(t, files), t.TempDir()
	s, err := newSite(root, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.render(); err != nil {
		t.Fatal(err)
	}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	if err := s.write(out); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"index.html": {`<a href="two.html#its-end">two</a>`, `<a href="https://forge.example/alcove/blob/main/main.go">`},
		"two.html": {
			`<a href="alcove_x.html#f/1"><code>alcove_x:f/1</code></a>`, `<h2 id="its-end">`,
			`<li><a href="#its-end">Its end</a></li>`, `<div class="wide"><table>`,
			// hidden modules are not in the manual
			`, <code>alcove_y:g/1</code>`,
		},
		"alcove_x.html": {
			`f(X :: <a href="#t:t/0">t</a>()) -&gt; ok.`, `<h3 id="f/1">f(X)`,
			`x <span class="comment">% comment</span>`,
		},
		"examples.html":         {`<a href="example_demo_erl.html">demo.erl</a></dt><dd>A tour.</dd>`},
		"example_demo_erl.html": {`-module(demo).`},
		"search_index.js":       {`{"t":"Its end","p":"Two","u":"two.html#its-end"`, `"u":"alcove_x.html#f/1","x":"Is."`},
		"style.css":             {"prefers-color-scheme: dark"},
	} {
		page, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s lacks %s:\n%s", name, want, page)
			}
		}
	}
}

func TestFaultsOfPagesAreErrors(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(files map[string]string, m *manual)
		want   string
	}{
		{"a link to no file", func(files map[string]string, _ *manual) {
			files["README.md"] += "[x](erlang/doc/no.md)\n"
		}, "README.md: dead link: erlang/doc/no.md"},
		{"a link to no anchor", func(files map[string]string, _ *manual) {
			files["README.md"] += "[x](erlang/doc/two.md#no)\n"
		}, "README.md: dead link: two.html#no"},
		{"a link to no anchor of its own", func(files map[string]string, _ *manual) {
			files["README.md"] += "[x](#no)\n"
		}, "README.md: dead link: index.html#no"},
		{"a function that does not exist", func(files map[string]string, _ *manual) {
			files["README.md"] += "`alcove_x:f/2`\n"
		}, "README.md: the manual has no alcove_x:f/2"},
		{"a page in no group", func(files map[string]string, _ *manual) {
			files["erlang/doc/three.md"] = "# Three\n"
		}, "rebar.config: no group of ex_doc has erlang/doc/three.md"},
		{"a page that does not exist", func(_ map[string]string, m *manual) {
			m.Pages[0].Members = append(m.Pages[0].Members, "no.md")
		}, "no such file or directory"},
		{"a module in no group", func(_ map[string]string, m *manual) {
			m.Groups = nil
		}, "rebar.config: no group of ex_doc has the module alcove_x"},
		{"a hidden module in a group", func(_ map[string]string, m *manual) {
			m.Groups[0].Members = append(m.Groups[0].Members, "alcove_y")
		}, "rebar.config: ex_doc has the module alcove_y, which is hidden"},
		{"a link in the manual", func(_ map[string]string, m *manual) {
			m.Modules[0].Doc = `<a href="#g/1">g/1</a>`
		}, "alcove_x: dead link: alcove_x.html#g/1"},
		{"two anchors", func(_ map[string]string, m *manual) {
			m.Modules[0].Functions = append(m.Modules[0].Functions, m.Modules[0].Functions[0])
		}, "alcove_x: two anchors alcove_x.html#f/1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files, m := small()
			c.change(files, m)
			s, err := newSite(project(t, files), m)
			if err == nil {
				if err = s.render(); err == nil {
					err = s.check()
				}
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestAnchorsAreThoseOfAForge(t *testing.T) {
	ids := slugs{}
	var got []string
	for _, heading := range []string{"Its end", "Its end", "On a driver of one's own", "alcove_run:run/2", "Größe"} {
		got = append(got, string(ids.Generate([]byte(heading), 0)))
	}
	want := []string{"its-end", "its-end-1", "on-a-driver-of-ones-own", "alcove_runrun2", "größe"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCodeIsEscapedAndColoured(t *testing.T) {
	got := highlight("erlang", "1> f(X, \"a%b\"). % <c>\n")
	want := `<span class="prompt">1&gt; </span>f(<span class="name">X</span>, <span class="string">&#34;a%b&#34;</span>). ` +
		"<span class=\"comment\">% &lt;c&gt;</span>\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPortProgramDoesNotNeedWhatTheSiteNeeds(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "../..").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields(string(out)) {
		if strings.Contains(name, "goldmark") {
			t.Errorf("it needs %s", name)
		}
	}
}

// The whole site, from the sources as they are.
func TestSiteOfTheProjectHasNoWarnings(t *testing.T) {
	out := filepath.Join(t.TempDir(), "site")
	if said, err := exec.Command("make", "-C", "../..", "site", "SITE="+out).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	want := []string{"index.html", "changelog.html", "alcove.html", "example_demo_erl.html", "search_index.js"}
	texts, err := filepath.Glob("../doc/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		// read, so that a result that is taken from before is that of the same text
		if _, err := os.ReadFile(text); err != nil {
			t.Fatal(err)
		}
		want = append(want, fileOf("erlang/doc/"+filepath.Base(text)))
	}
	for _, name := range want {
		if _, err := os.Stat(filepath.Join(out, name)); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "alcove_owner.html")); err == nil {
		t.Error("a hidden module is in the manual")
	}
}

func TestAnExampleIsDescribedByWhatItSaysBelowItsLicence(t *testing.T) {
	for text, want := range map[string]string{
		"%% SPDX-License-Identifier: ISC\n\n%% @doc A tour.\n-module(demo).\n":                            "A tour.",
		"# SPDX-License-Identifier: ISC\n\ndefmodule A do\n  @moduledoc \"\"\"\n  A sandbox.\n  \"\"\"\n": "A sandbox.",
	} {
		if got := summary(text); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
