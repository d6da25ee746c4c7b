// SPDX-License-Identifier: ISC

package main

import (
	"fmt"
	"html"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

const examples = "erlang/examples"

// addExamples adds a page that lists the examples, and one for each.
func (s *site) addExamples() error {
	pages := []*page{{File: "examples.html", Title: "Examples", Source: examples, render: s.renderExamples}}
	for _, pattern := range []string{"*.erl", "elixir/lib/*.ex"} {
		files, err := filepath.Glob(filepath.Join(s.root, examples, pattern))
		if err != nil {
			return err
		}
		for _, file := range files {
			name := filepath.Base(file)
			source := filepath.ToSlash(strings.TrimPrefix(file, filepath.Clean(s.root)+"/"))
			pages = append(pages, &page{
				File:   "example_" + strings.ReplaceAll(name, ".", "_") + ".html",
				Title:  name,
				Source: source,
				render: s.renderExample,
			})
		}
	}
	s.add("Examples", pages[:1])
	for _, p := range pages[1:] {
		s.bySrc[p.Source] = p
	}
	s.pages = append(s.pages, pages[1:]...)
	return nil
}

func (s *site) renderExamples(p *page) error {
	var b strings.Builder
	b.WriteString("<h1>Examples</h1>\n<p>Complete programs. <code>make eg</code> compiles those in Erlang.</p>\n<dl>\n")
	for _, e := range s.pages {
		if e.Source == p.Source || !strings.HasPrefix(e.Source, examples) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(s.root, e.Source))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "<dt><a href=\"%s\">%s</a></dt><dd>%s</dd>\n", e.File, e.Title, html.EscapeString(summary(string(text))))
	}
	b.WriteString("</dl>\n")
	p.Sections = []section{{Title: p.Title, Level: 1}}
	p.Body = template.HTML(b.String())
	return nil
}

var firstText = regexp.MustCompile(`(?m)^%%? (?:@doc )?(.*)$|^  @moduledoc """\n  (.*)$`)

var licence = regexp.MustCompile(`(?m)^(%%|#) SPDX-License-Identifier: .*\n`)

// summary returns the first line of what a file says about itself, below its licence.
func summary(text string) string {
	m := firstText.FindStringSubmatch(licence.ReplaceAllString(text, ""))
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

func (s *site) renderExample(p *page) error {
	text, err := os.ReadFile(filepath.Join(s.root, p.Source))
	if err != nil {
		return err
	}
	language := map[string]string{".erl": "erlang", ".ex": "elixir"}[path.Ext(p.Source)]
	p.Sections = []section{{Title: p.Title, Text: string(text), Level: 1}}
	p.Body = template.HTML(fmt.Sprintf("<h1>%s</h1>\n<pre><code>%s</code></pre>\n<p><a href=\"%s/blob/main/%s\">%[4]s</a></p>\n",
		p.Title, highlight(language, string(text)), s.manual.SourceURL, p.Source))
	return nil
}
