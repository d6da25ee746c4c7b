// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

//go:embed page.html style.css search.js
var assets embed.FS

// A site is all pages, and the groups that the navigation shows.
type site struct {
	root   string
	manual *manual
	pages  []*page
	groups []*group
	bySrc  map[string]*page // by path in the project, or name of a module
}

// A group is a heading of the navigation.
type group struct {
	Title string
	Pages []*page
}

// A page is one file of the site.
type page struct {
	File, Title, Source string
	Module              bool
	Body                template.HTML
	Sections            []section
	Previous, Next      *page

	render func(*page) error
}

// A section is a part of a page that can be found.
type section struct {
	ID, Title string
	Text      string
	Level     int
}

func newSite(root string, m *manual) (*site, error) {
	s := &site{root: root, manual: m, bySrc: map[string]*page{}}
	for _, g := range m.Pages {
		pages := make([]*page, 0, len(g.Members))
		for _, source := range g.Members {
			pages = append(pages, &page{File: fileOf(source), Source: source, render: s.renderMarkdown})
		}
		s.add(g.Title, pages)
	}
	if err := s.addExamples(); err != nil {
		return nil, err
	}
	return s, errors.Join(s.addModules(), s.unlisted())
}

func (s *site) add(title string, pages []*page) {
	s.groups = append(s.groups, &group{title, pages})
	s.pages = append(s.pages, pages...)
	for _, p := range pages {
		s.bySrc[p.Source] = p
	}
}

// fileOf names the page of a text.
func fileOf(source string) string {
	switch source {
	case "README.md":
		return "index.html"
	case "erlang/doc/README.md":
		return "guide.html"
	}
	return strings.ToLower(strings.TrimSuffix(path.Base(source), ".md")) + ".html"
}

// unlisted finds pages of the guide that no group of rebar.config has.
func (s *site) unlisted() error {
	files, err := filepath.Glob(filepath.Join(s.root, "erlang/doc/*.md"))
	if err != nil {
		return err
	}
	var all []error
	for _, file := range files {
		if source := "erlang/doc/" + filepath.Base(file); s.bySrc[source] == nil {
			all = append(all, fmt.Errorf("rebar.config: no group of ex_doc has %s", source))
		}
	}
	return errors.Join(all...)
}

func (s *site) render() error {
	var all []error
	for i, p := range s.pages {
		if err := p.render(p); err != nil {
			all = append(all, fmt.Errorf("%s: %w", p.Source, err))
		}
		if i > 0 {
			p.Previous, s.pages[i-1].Next = s.pages[i-1], p
		}
	}
	return errors.Join(all...)
}

// view is what the template shows.
type view struct {
	*page
	Groups  []*group
	Version string
}

func (s *site) write(out string) error {
	t, err := template.ParseFS(assets, "page.html")
	if err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	for _, p := range s.pages {
		var b bytes.Buffer
		if err := t.Execute(&b, view{p, s.groups, s.manual.Version}); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, p.File), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	for _, name := range []string{"style.css", "search.js"} {
		content, err := assets.ReadFile(name)
		if err == nil {
			err = os.WriteFile(filepath.Join(out, name), content, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return s.writeIndex(filepath.Join(out, "search_index.js"))
}

// An entry is a section in the index of the search.
type entry struct {
	Title string `json:"t"`
	Page  string `json:"p"`
	URL   string `json:"u"`
	Text  string `json:"x"`
}

// writeIndex writes a script, which a page that was opened as a file can load as well.
func (s *site) writeIndex(file string) error {
	var all []entry
	for _, p := range s.pages {
		for _, sec := range p.Sections {
			url := p.File
			if sec.ID != "" {
				url += "#" + sec.ID
			}
			all = append(all, entry{sec.Title, p.Title, url, strings.Join(strings.Fields(sec.Text), " ")})
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	return os.WriteFile(file, slices.Concat([]byte("const searchIndex = "), text, []byte(";\n")), 0o644)
}
