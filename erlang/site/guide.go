// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"errors"
	"fmt"
	"html"
	"html/template"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

func (s *site) renderMarkdown(p *page) error {
	source, err := os.ReadFile(filepath.Join(s.root, p.Source))
	if err != nil {
		return err
	}
	l := &linker{site: s, page: p, source: source}
	md := goldmark.New(
		goldmark.WithExtensions(extension.Table),
		goldmark.WithParserOptions(parser.WithAutoHeadingID(), parser.WithASTTransformers(util.Prioritized(l, 100))),
		goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(blocks{}, 100))),
	)
	var b bytes.Buffer
	if err := md.Convert(source, &b, parser.WithContext(parser.NewContext(parser.WithIDs(slugs{})))); err != nil {
		return err
	}
	body := strings.ReplaceAll(b.String(), "<table>", "<div class=\"wide\"><table>")
	p.Body = template.HTML(strings.ReplaceAll(body, "</table>", "</table></div>"))
	p.Title = p.Sections[0].Title
	if p.File == "index.html" {
		p.Title = "Overview"
	}
	return errors.Join(l.errs...)
}

// slugs are the anchors of headings, as forges make them.
type slugs map[string]int

func (s slugs) Generate(value []byte, _ ast.NodeKind) []byte {
	var b strings.Builder
	for _, r := range strings.ToLower(string(value)) {
		switch {
		case r == ' ' || r == '-':
			b.WriteByte('-')
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_':
			b.WriteRune(r)
		}
	}
	id := b.String()
	n := s[id]
	s[id]++
	if n > 0 {
		id += "-" + strconv.Itoa(n)
	}
	return []byte(id)
}

func (s slugs) Put([]byte) {}

// A linker makes the links of a text those of the site, links the functions that it names, and
// collects its sections.
type linker struct {
	site   *site
	page   *page
	source []byte
	errs   []error
}

func (l *linker) Transform(doc *ast.Document, _ text.Reader, _ parser.Context) {
	var spans []*ast.CodeSpan
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.Heading:
			id, _ := n.AttributeString("id")
			l.begin(n, string(id.([]byte)))
		case *ast.Link:
			l.link(n)
		case *ast.CodeSpan:
			spans = append(spans, n)
		}
		l.collect(n)
		return ast.WalkContinue, nil
	})
	for _, n := range spans {
		l.name(n)
	}
}

func (l *linker) begin(n *ast.Heading, id string) {
	if n.Level == 1 {
		id = ""
	}
	l.page.Sections = append(l.page.Sections, section{ID: id, Title: l.textOf(n), Level: n.Level})
}

// collect adds the text of a node to the section that it is in.
func (l *linker) collect(n ast.Node) {
	if len(l.page.Sections) == 0 {
		return
	}
	sec := &l.page.Sections[len(l.page.Sections)-1]
	switch n := n.(type) {
	case *ast.Text:
		sec.Text += string(n.Segment.Value(l.source)) + " "
	case *ast.FencedCodeBlock:
		sec.Text += string(n.Lines().Value(l.source)) + " "
	}
}

func (l *linker) textOf(n ast.Node) string {
	var b strings.Builder
	_ = ast.Walk(n, func(c ast.Node, entering bool) (ast.WalkStatus, error) {
		if t, ok := c.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(l.source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// link leads to a page of the site, or to the file in the project on its forge.
func (l *linker) link(n *ast.Link) {
	target := string(n.Destination)
	if strings.HasPrefix(target, "https://") || strings.HasPrefix(target, "#") {
		return
	}
	file, anchor, _ := strings.Cut(target, "#")
	file = path.Join(path.Dir(l.page.Source), file)
	if p := l.site.bySrc[file]; p != nil {
		n.Destination = []byte(p.File)
	} else if _, err := os.Stat(filepath.Join(l.site.root, file)); err != nil {
		l.errs = append(l.errs, fmt.Errorf("dead link: %s", target))
	} else {
		n.Destination = []byte(l.site.manual.SourceURL + "/blob/main/" + file)
	}
	if anchor != "" {
		n.Destination = append(n.Destination, "#"+anchor...)
	}
}

// The name alone is that of the application and of the program, too.
var called = regexp.MustCompile(`^(alcove\w*)(?::(\w+)/(\d+))?$`)

// name links code that is the name of a public module, or of a function, which has to exist.
func (l *linker) name(n *ast.CodeSpan) {
	m := called.FindStringSubmatch(l.textOf(n))
	if m == nil || n.Parent().Kind() == ast.KindLink || n.Parent().Kind() == ast.KindHeading {
		return
	}
	mod := l.site.manual.module(m[1])
	if mod == nil || m[0] == "alcove" {
		return
	}
	target := mod.Name + ".html"
	if m[2] != "" {
		arity, _ := strconv.Atoi(m[3])
		if !mod.hasFunction(m[2], arity) {
			l.errs = append(l.errs, fmt.Errorf("the manual has no %s", m[0]))
			return
		}
		target += "#" + m[2] + "/" + m[3]
	}
	link := ast.NewLink()
	link.Destination = []byte(target)
	n.Parent().ReplaceChild(n.Parent(), n, link)
	link.AppendChild(link, n)
}

// blocks writes headings with a link to them, and code with its colours.
type blocks struct{}

func (blocks) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindHeading, heading)
	r.Register(ast.KindFencedCodeBlock, code)
}

func heading(w util.BufWriter, _ []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	h := n.(*ast.Heading)
	attr, _ := h.AttributeString("id")
	id := html.EscapeString(string(attr.([]byte)))
	switch {
	case entering:
		fmt.Fprintf(w, "<h%d id=\"%s\">", h.Level, id)
	case h.Level == 1:
		fmt.Fprintln(w, "</h1>")
	default:
		fmt.Fprintf(w, "<a class=\"anchor\" href=\"#%s\" aria-label=\"link\">#</a></h%d>\n", id, h.Level)
	}
	return ast.WalkContinue, nil
}

func code(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if entering {
		c := n.(*ast.FencedCodeBlock)
		language := string(c.Language(source))
		if language == "" {
			language = "erlang"
		}
		fmt.Fprintf(w, "<pre><code>%s</code></pre>\n", highlight(language, string(c.Lines().Value(source))))
	}
	return ast.WalkSkipChildren, nil
}
