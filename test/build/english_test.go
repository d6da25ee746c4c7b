// SPDX-License-Identifier: ISC

package build

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// maxWords is how long a sentence may be.
const maxWords = 30

var (
	avoided = regexp.MustCompile(`(?i)\b(of which|as far as|for ever|shall|but for|tells whether)\b`)

	// A comment that begins so leaves open what the code below does.
	beginsWhatIs = regexp.MustCompile(`(?i)^(@doc )?what is\b`)

	sentenceEnd = regexp.MustCompile(`[.?!:][)"'*_]*\s+`)
	item        = regexp.MustCompile(`^\s*([-*]\s|\d+\.\s|<(dt|dd|li|tr|td|ul|dl|table)\b)`)
	tag         = regexp.MustCompile(`</?(dt|dd|li|tr|th|td|ul|dl|table)>`)
	behindCode  = regexp.MustCompile(`^\s*[^\s/].*\s// (.*)$`) // in Go
	laidOut     = regexp.MustCompile(`\S\s{3,}\S`)
	fence       = regexp.MustCompile("^\\s*(```|''')")
	word        = regexp.MustCompile(`[\pL\pN]`)

	// Generated from texts of other files, and the lines of the changelog.
	isWritten = regexp.MustCompile(`^erlang/src/alcove(_linux)?\.erl$|^CHANGELOG\.md$`)
)

// comments take the text off a line, by the ends of the names of files.
var comments = map[string]*regexp.Regexp{
	".go":      regexp.MustCompile(`^\s*// ?(.*)$`),
	".s":       regexp.MustCompile(`^\s*// ?(.*)$`),
	".erl":     regexp.MustCompile(`^\s*%+ ?(.*)$`),
	".hrl":     regexp.MustCompile(`^\s*%+ ?(.*)$`),
	".in":      regexp.MustCompile(`^\s*%+ ?(.*)$`),
	".sh":      regexp.MustCompile(`^\s*#(?:$| (.*)$)`),
	"setup":    regexp.MustCompile(`^\s*#(?:$| (.*)$)`),
	"/run":     regexp.MustCompile(`^\s*#(?:$| (.*)$)`),
	"Makefile": regexp.MustCompile(`^#(?:$| (.*)$)`),
	".md":      regexp.MustCompile(`^([^|#].*)$`),
	// the manual of the calls, and what is said about the list
	"erlang/alcove.txt":       regexp.MustCompile(`^(?:#|    ) ?(.*)$`),
	"erlang/alcove_linux.txt": regexp.MustCompile(`^(?:#|    ) ?(.*)$`),
}

// A paragraph is a piece of text in a file.
type paragraph struct {
	place string
	text  string
}

func commentOf(path string) *regexp.Regexp {
	for end, expr := range comments {
		if strings.HasSuffix(path, end) {
			return expr
		}
	}
	return nil
}

// paragraphs finds the texts of a file. Examples, tables and lists in columns are none.
func paragraphs(path, content string, expr *regexp.Regexp) []paragraph {
	var all []paragraph
	var lines []string
	start, fenced := 0, false
	flush := func() {
		if len(lines) > 0 {
			all = append(all, paragraph{fmt.Sprintf("%s:%d", path, start), strings.Join(lines, " ")})
		}
		lines = nil
	}
	n := 0
	for line := range strings.Lines(content) {
		n++
		line = strings.TrimRight(line, " \n")
		m := expr.FindStringSubmatch(line)
		switch {
		case m == nil && strings.HasSuffix(path, ".go"):
			flush()
			if m := behindCode.FindStringSubmatch(line); m != nil {
				all = append(all, paragraph{fmt.Sprintf("%s:%d", path, n), m[1]})
			}
			continue
		case m != nil && fence.MatchString(m[1]):
			fenced = !fenced
			flush()
			continue
		case fenced:
			continue
		case m == nil, strings.TrimSpace(m[1]) == "", strings.HasPrefix(m[1], "\t"),
			strings.HasPrefix(m[1], "    "), laidOut.MatchString(m[1]):
			flush()
			continue
		case item.MatchString(m[1]):
			flush()
		}
		if len(lines) == 0 {
			start = n
		}
		lines = append(lines, strings.TrimSpace(m[1]))
	}
	flush()
	return all
}

// faults returns what a text should not be.
func faults(text string, isPage bool) []string {
	var all []string
	text = tag.ReplaceAllString(text, " ")
	for _, phrase := range avoided.FindAllString(text, -1) {
		all = append(all, fmt.Sprintf("%q", phrase))
	}
	if !isPage && beginsWhatIs.MatchString(text) {
		all = append(all, "a comment that begins with what is")
	}
	for _, sentence := range sentenceEnd.Split(text, -1) {
		words := 0
		for _, w := range strings.Fields(sentence) {
			if word.MatchString(w) {
				words++
			}
		}
		if words > maxWords {
			all = append(all, fmt.Sprintf("a sentence of %d words: %s", words, sentence))
		}
	}
	return all
}

func TestTextsAreInShortSentencesOfPlainWords(t *testing.T) {
	texts := 0
	for _, path := range tracked(t, ".") {
		expr := commentOf(path)
		if expr == nil || isWritten.MatchString(path) {
			continue
		}
		for _, p := range paragraphs(path, string(read(t, filepath.Join(root, path))), expr) {
			texts++
			for _, fault := range faults(p.text, strings.HasSuffix(path, ".md")) {
				t.Errorf("%s: %s", p.place, fault)
			}
		}
	}
	if texts < 3000 {
		t.Errorf("%d texts were found, want those of the whole project", texts)
	}
}

// The doc of a function says what it does: "Returns the mounts", and not "The mounts".
func TestDocsOfErlangFunctionsBeginWithAVerb(t *testing.T) {
	defines := regexp.MustCompile(`(?m)^%% @doc (The|An?|No|None|One|What|How|Whether|If|Where)\b.*$`)
	for _, path := range tracked(t, ".") {
		if !strings.HasPrefix(path, "erlang/src/") {
			continue
		}
		_, functions, _ := strings.Cut(string(read(t, filepath.Join(root, path))), "\n-module(")
		for _, doc := range defines.FindAllString(functions, -1) {
			t.Errorf("%s: %s", path, doc)
		}
	}
}

func TestFaultsOfATextAreFound(t *testing.T) {
	long := strings.Repeat("word ", maxWords) + "end."
	const source = "// f closes it,\n// of which there is one.\n//\n//\tshall not count\nfunc f() {}\n\n" +
		"// What is left.\nvar x int // not as " +
		"far as this\n"
	got := ""
	for _, p := range paragraphs("f.go", source+"\n// "+long+"\n", comments[".go"]) {
		for _, fault := range faults(p.text, false) {
			got += p.place + ": " + fault + "\n"
		}
	}
	want := "f.go:1: \"of which\"\nf.go:7: a comment that begins with what is\n" +
		"f.go:8: \"as far as\"\nf.go:10: a sentence of 31 words: " + long + "\n"
	if got != want {
		t.Errorf("got:\n%swant:\n%s", got, want)
	}
	if f := faults("What is left shows "+long, true); len(f) != 1 {
		t.Errorf("a page: %q, want only its long sentence", f)
	}
}
