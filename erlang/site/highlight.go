// SPDX-License-Identifier: ISC

package main

import (
	"html"
	"regexp"
	"strings"
)

// Comments, strings and what is typed, in the languages of the examples.
var syntax = map[string]*regexp.Regexp{
	"erlang": regexp.MustCompile(`(?m)(?P<comment>%.*$)|(?P<string>"(?:[^"\\]|\\.)*"|\$\\?.)|(?P<prompt>^\d+> )|(?P<name>\b[A-Z]\w*)`),
	"elixir": regexp.MustCompile(`(?m)(?P<comment>#[^{].*$)|(?P<string>"(?:[^"\\]|\\.)*")|(?P<prompt>^iex(?:\(\d+\))?> )|(?P<name>\b[A-Z]\w*)`),
	"sh":     regexp.MustCompile(`(?m)(?P<comment>(?:^|\s)#.*$)|(?P<string>"(?:[^"\\]|\\.)*"|'[^']*')|(?P<prompt>^\$ )`),
}

// highlight returns text as HTML, with the parts that its language marks in elements.
func highlight(language, text string) string {
	expr := syntax[language]
	if expr == nil {
		return html.EscapeString(text)
	}
	var b strings.Builder
	at := 0
	for _, m := range expr.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(html.EscapeString(text[at:m[0]]))
		for i, class := range expr.SubexpNames() {
			if i > 0 && m[2*i] >= 0 {
				b.WriteString("<span class=\"" + class + "\">" + html.EscapeString(text[m[0]:m[1]]) + "</span>")
			}
		}
		at = m[1]
	}
	b.WriteString(html.EscapeString(text[at:]))
	return b.String()
}
