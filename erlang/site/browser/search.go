// SPDX-License-Identifier: ISC

package main

import (
	"errors"
	"fmt"
	"strings"
)

// typed puts words into the field as a user does, and returns where the results lead.
const typed = `(async () => {
  const field = document.getElementById("search");
  field.focus();
  field.dispatchEvent(new Event("focus"));
  while (typeof searchIndex === "undefined") await new Promise((done) => setTimeout(done, 10));
  field.value = %q;
  field.dispatchEvent(new Event("input"));
  return [...document.querySelectorAll("#results a")].map((a) => a.getAttribute("href"));
})()`

// search tries some words: the first result, or none.
func (b *browser) search(file string) error {
	var all []error
	for words, want := range map[string]string{
		"mount":          "alcove.html#mount/8",
		"alcove_run:run": "alcove_run.html#run/",
		"flow control":   "programs.html#flow-control",
		"xyzzy":          "",
	} {
		if _, err := b.look(file, widths["phone"]); err != nil {
			return err
		}
		var results []string
		if err := b.evaluate(fmt.Sprintf(typed, words), &results); err != nil {
			return err
		}
		first := ""
		if len(results) > 0 {
			first = results[0]
		}
		if !strings.HasPrefix(first, want) || (want == "") != (first == "") {
			all = append(all, fmt.Errorf("search for %q: first %q, want %q", words, first, want))
		}
		all = append(all, b.complained())
	}
	return errors.Join(all...)
}
