// SPDX-License-Identifier: ISC

// Package erlang reads the lists of calls, which are the texts of the Erlang modules with a
// function for each call, and writes these modules. It is part of c_src_compat/gen, and no API
// for others.
package erlang

import (
	"fmt"
	"os"
	"strings"
)

// LastCall is the greatest number that a bit map of calls has a bit for.
const LastCall = 127

// A Call is one entry of a list.
type Call struct {
	Name     string
	Number   int
	Args     []Arg
	Result   string   // type of the reply
	NoReturn bool     // replies only when it fails
	Hidden   bool     // not for the manual
	Doc      []string // lines of edoc
}

// An Arg is an argument of a call.
type Arg struct{ Name, Type string }

// ReadCalls reads the list of the calls of the C port, whose numbers go up from 0.
func ReadCalls(path string) ([]Call, error) { return readNumbered(path, 0, 1) }

// ReadExtensions reads the list of the other calls, whose numbers go down from the last one.
func ReadExtensions(path string) ([]Call, error) { return readNumbered(path, LastCall, -1) }

func readNumbered(path string, number, step int) ([]Call, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var calls []Call
	seen := map[string]bool{}
	for _, e := range entries(string(text)) {
		c, err := e.call()
		if err == nil && seen[c.Name] {
			err = fmt.Errorf("%s is listed twice", c.Name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, e.line, err)
		}
		seen[c.Name] = true
		c.Number = number
		number += step
		calls = append(calls, c)
	}
	return calls, nil
}

// An entry is the text of a call: a head at the left margin, and indented what is said about it.
type entry struct {
	line      int
	head, doc []string
}

// entries cuts a list where heads begin. A head ends with a full stop; a number sign at the left
// margin starts a comment.
func entries(text string) []entry {
	var all []entry
	n, inHead := 0, false
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimRight(line, " \n")
		switch {
		case strings.HasPrefix(line, "#"):
			continue
		case !inHead && line != "" && line[0] != ' ':
			all = append(all, entry{line: n})
			inHead = true
		case !inHead && len(all) == 0:
			continue
		}
		last := &all[len(all)-1]
		if inHead {
			last.head = append(last.head, strings.TrimSpace(line))
			inHead = !strings.HasSuffix(line, ".")
		} else {
			last.doc = append(last.doc, strings.TrimPrefix(line, "    "))
		}
	}
	return all
}

func (e entry) call() (Call, error) {
	c, err := parseHead(strings.Join(e.head, " "))
	c.parseDoc(e.doc)
	return c, err
}

// parseHead takes "name(Arg :: type(), ...) -> result." apart.
func parseHead(head string) (Call, error) {
	whole, ended := strings.CutSuffix(head, ".")
	front, result, hasResult := strings.Cut(whole, " -> ")
	name, list, hasArgs := strings.Cut(front, "(")
	if !ended || !hasResult || !hasArgs || !strings.HasSuffix(list, ")") {
		return Call{}, fmt.Errorf("%q is not the head of a function", head)
	}
	c := Call{Name: name, Result: result}
	for _, a := range splitArgs(strings.TrimSuffix(list, ")")) {
		n, typ, ok := strings.Cut(a, " :: ")
		if !ok {
			return Call{}, fmt.Errorf("%s: argument %q has no name or no type", name, a)
		}
		c.Args = append(c.Args, Arg{n, typ})
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

// parseDoc takes the marks off the front of the text, each on a line of its own, and puts the
// examples, which are indented, between the marks of edoc.
func (c *Call) parseDoc(lines []string) {
	text := strings.Trim(strings.Join(lines, "\n"), "\n")
	text, c.NoReturn = cutMark(text, "@noreturn")
	text, c.Hidden = cutMark(text, "@hidden")
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		if len(c.Doc) > 0 {
			c.Doc = append(c.Doc, "")
		}
		if !strings.HasPrefix(paragraph, "    ") {
			c.Doc = append(c.Doc, strings.Split(paragraph, "\n")...)
			continue
		}
		c.Doc = append(c.Doc, "```")
		for line := range strings.SplitSeq(paragraph, "\n") {
			c.Doc = append(c.Doc, strings.TrimPrefix(line, "    "))
		}
		c.Doc = append(c.Doc, "'''")
	}
}

func cutMark(text, mark string) (rest string, found bool) {
	text, found = strings.CutPrefix(text, mark+"\n")
	return strings.TrimLeft(text, "\n"), found
}
