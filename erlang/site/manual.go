// SPDX-License-Identifier: ISC

package main

import (
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"os"
	"regexp"
	"slices"
	"strings"
)

// A manual is what manual.erl writes: HTML of the texts, and the groups of rebar.config.
type manual struct {
	Version   string    `json:"version"`
	SourceURL string    `json:"source_url"`
	Pages     []members `json:"pages"`
	Groups    []members `json:"groups"`
	Modules   []*module `json:"modules"`
}

type members struct {
	Title   string   `json:"title"`
	Members []string `json:"members"`
}

type module struct {
	Name      string        `json:"name"`
	Doc       string        `json:"doc"`
	Functions []declaration `json:"functions"`
	Types     []declaration `json:"types"`
}

// A declaration is a function or a type.
type declaration struct {
	Name  string `json:"name"`
	Arity int    `json:"arity"`
	Head  string `json:"head"`
	Spec  string `json:"spec"`
	Doc   string `json:"doc"`
}

func readManual(file string) (*manual, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	m := new(manual)
	return m, json.Unmarshal(text, m)
}

// module finds a public module.
func (m *manual) module(name string) *module {
	i := slices.IndexFunc(m.Modules, func(mod *module) bool { return mod.Name == name })
	if i < 0 {
		return nil
	}
	return m.Modules[i]
}

func (mod *module) hasFunction(name string, arity int) bool {
	return slices.ContainsFunc(mod.Functions, func(d declaration) bool { return d.Name == name && d.Arity == arity })
}

func (mod *module) hasType(name string) bool {
	return slices.ContainsFunc(mod.Types, func(d declaration) bool { return d.Name == name })
}

func (s *site) addModules() error {
	left := map[string]bool{}
	for _, mod := range s.manual.Modules {
		left[mod.Name] = true
	}
	for _, g := range s.manual.Groups {
		var pages []*page
		for _, name := range g.Members {
			if !left[name] {
				return fmt.Errorf("rebar.config: ex_doc has the module %s, which is hidden, unknown or in two groups", name)
			}
			delete(left, name)
			pages = append(pages, &page{File: name + ".html", Title: name, Source: name, Module: true, render: s.renderModule})
		}
		s.add("Manual: "+g.Title, pages)
	}
	for name := range left {
		return fmt.Errorf("rebar.config: no group of ex_doc has the module %s", name)
	}
	return nil
}

func (s *site) renderModule(p *page) error {
	mod := s.manual.module(p.Source)
	var b strings.Builder
	fmt.Fprintf(&b, "<h1>%s</h1>\n%s\n", p.Title, paragraphs(mod.Doc))
	p.Sections = []section{{Title: p.Title, Text: plain(mod.Doc), Level: 1}}
	names := mod.names()
	b.WriteString("<h2 id=\"functions\">Functions</h2>\n<p class=\"names\">")
	for _, same := range names {
		fmt.Fprintf(&b, "<a href=\"#%s/%d\">%s</a> ", same[0].Name, same[0].Arity, same[0].Name)
	}
	b.WriteString("</p>\n")
	for _, same := range names {
		s.function(&b, mod, same)
		p.Sections = append(p.Sections, section{anchorOf(same[0]), mod.Name + ":" + anchorOf(same[0]), plain(same[0].Doc), 3})
	}
	if len(mod.Types) > 0 {
		b.WriteString("<h2 id=\"types\">Types</h2>\n")
	}
	for _, d := range mod.Types {
		id := "t:" + anchorOf(d)
		fmt.Fprintf(&b, "<section class=\"entry\" id=\"%s\">\n<pre class=\"spec\">%s</pre>\n%s</section>\n",
			id, s.spec(mod, d.Spec), paragraphs(d.Doc))
		title := d.Name + "()"
		if !strings.Contains(title, ":") {
			title = mod.Name + ":" + title
		}
		p.Sections = append(p.Sections, section{id, title, plain(d.Doc), 3})
	}
	p.Body = template.HTML(b.String())
	return nil
}

// names has the functions in the order of their names, those of one name together.
func (mod *module) names() [][]declaration {
	var all [][]declaration
	for _, d := range mod.Functions {
		if n := len(all); n > 0 && all[n-1][0].Name == d.Name {
			all[n-1] = append(all[n-1], d)
		} else {
			all = append(all, []declaration{d})
		}
	}
	return all
}

func anchorOf(d declaration) string { return fmt.Sprintf("%s/%d", d.Name, d.Arity) }

// function writes the entry of a function with all its arities, and sorts them: the text of one that
// only refers to another comes last.
func (s *site) function(b *strings.Builder, mod *module, same []declaration) {
	b.WriteString("<section class=\"entry\">\n")
	for _, d := range same {
		fmt.Fprintf(b, "<h3 id=\"%s\">%s<a class=\"anchor\" href=\"#%[1]s\" aria-label=\"link\">#</a></h3>\n",
			anchorOf(d), html.EscapeString(d.Head))
	}
	slices.SortStableFunc(same, func(a, b declaration) int { return len(b.Doc) - len(a.Doc) })
	fmt.Fprintf(b, "<pre class=\"spec\">%s</pre>\n", s.spec(mod, same[0].Spec))
	for _, d := range same {
		b.WriteString(paragraphs(d.Doc))
	}
	b.WriteString("</section>\n")
}

var typeName = regexp.MustCompile(`(?:(\w+):)?([a-z]\w*)\(`)

// spec returns a specification whose types are links.
func (s *site) spec(mod *module, text string) string {
	head, rest, _ := strings.Cut(html.EscapeString(text), "(")
	return head + "(" + typeName.ReplaceAllStringFunc(rest, func(found string) string {
		m := typeName.FindStringSubmatch(found)
		name := strings.TrimSuffix(found, "(")
		target := ""
		if other := s.manual.module(m[1]); other != nil && other.hasType(m[2]) {
			target = other.Name + ".html#t:" + other.typeID(m[2])
		} else if mod.hasType(name) {
			target = "#t:" + mod.typeID(name)
		}
		if target == "" {
			return found
		}
		return fmt.Sprintf("<a href=\"%s\">%s</a>(", target, name)
	})
}

// typeID returns the anchor of a type, by its name.
func (mod *module) typeID(name string) string {
	i := slices.IndexFunc(mod.Types, func(d declaration) bool { return d.Name == name })
	return anchorOf(mod.Types[i])
}

var block = regexp.MustCompile(`(?s)<(p|pre|ul|dl|h2)>.*?</(p|pre|ul|dl|h2)>`)

// paragraphs puts text that stands by itself into paragraphs: chunks have none where there is
// only one.
func paragraphs(doc string) string {
	var b strings.Builder
	wrap := func(text string) {
		if strings.TrimSpace(text) != "" {
			b.WriteString("<p>" + strings.TrimSpace(text) + "</p>\n")
		}
	}
	at := 0
	for _, m := range block.FindAllStringIndex(doc, -1) {
		wrap(doc[at:m[0]])
		b.WriteString(doc[m[0]:m[1]])
		at = m[1]
	}
	wrap(doc[at:])
	return coloured(b.String())
}

var preformatted = regexp.MustCompile(`(?s)<pre>(.*?)</pre>`)

// coloured highlights the examples of the manual, which are Erlang.
func coloured(doc string) string {
	return preformatted.ReplaceAllStringFunc(doc, func(found string) string {
		text := html.UnescapeString(preformatted.FindStringSubmatch(found)[1])
		return "<pre><code>" + highlight("erlang", text) + "</code></pre>\n"
	})
}

var tags = regexp.MustCompile(`<[^>]*>`)

// plain returns the text of HTML.
func plain(doc string) string {
	return html.UnescapeString(tags.ReplaceAllString(doc, " "))
}
