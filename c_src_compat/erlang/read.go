package main

import (
	"fmt"
	"os"
	"strings"
)

// A call is one entry of the text of a module.
type call struct {
	Name   string
	Args   []arg
	Result string   // type of the reply
	Hidden bool     // not for the manual
	Doc    []string // lines of edoc
}

type arg struct{ Name, Type string }

// readCalls reads the text of a module: heads at the left margin, what is said about them indented.
func readCalls(path string) ([]call, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var calls []call
	var head, doc []string
	add := func() error {
		if head == nil {
			return nil
		}
		c, err := parseHead(strings.Join(head, " "))
		c.Doc, c.Hidden = parseDoc(doc)
		calls = append(calls, c)
		head, doc = nil, nil
		return err
	}
	inHead := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "#"):
		case inHead:
			head = append(head, strings.TrimSpace(line))
			inHead = !strings.HasSuffix(line, ".")
		case line != "" && line[0] != ' ':
			if err := add(); err != nil {
				return nil, err
			}
			head = []string{line}
			inHead = !strings.HasSuffix(line, ".")
		default:
			doc = append(doc, strings.TrimPrefix(line, "    "))
		}
	}
	return calls, add()
}

// parseHead takes "name(Arg :: type(), ...) -> result." apart.
func parseHead(head string) (call, error) {
	front, result, ok := strings.Cut(strings.TrimSuffix(head, "."), " -> ")
	name, list, ok2 := strings.Cut(front, "(")
	if !ok || !ok2 || !strings.HasSuffix(list, ")") {
		return call{}, fmt.Errorf("%q is not the head of a function", head)
	}
	c := call{Name: name, Result: result}
	for _, a := range splitArgs(strings.TrimSuffix(list, ")")) {
		n, typ, ok := strings.Cut(a, " :: ")
		if !ok {
			return call{}, fmt.Errorf("%s: argument %q has no name or no type", name, a)
		}
		c.Args = append(c.Args, arg{n, typ})
	}
	return c, nil
}

// splitArgs cuts a list at the commas that are in no brackets.
func splitArgs(list string) []string {
	var args []string
	depth, start := 0, 0
	for i, r := range list {
		switch r {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth--
		case ',':
			if depth == 0 {
				args = append(args, strings.TrimSpace(list[start:i]))
				start = i + 1
			}
		}
	}
	if last := strings.TrimSpace(list[start:]); last != "" {
		args = append(args, last)
	}
	return args
}

// parseDoc puts the examples, which are indented, between the marks of edoc.
func parseDoc(lines []string) (doc []string, hidden bool) {
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	text, hidden = strings.CutPrefix(text, "@hidden\n\n")
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if len(doc) > 0 {
			doc = append(doc, "")
		}
		if !strings.HasPrefix(paragraph, "    ") {
			doc = append(doc, strings.Split(paragraph, "\n")...)
			continue
		}
		doc = append(doc, "```")
		for line := range strings.SplitSeq(paragraph, "\n") {
			doc = append(doc, strings.TrimPrefix(line, "    "))
		}
		doc = append(doc, "'''")
	}
	return doc, hidden
}
