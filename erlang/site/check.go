// SPDX-License-Identifier: ISC

package main

import (
	"errors"
	"fmt"
	"html"
	"regexp"
	"strings"
)

var (
	idOf   = regexp.MustCompile(`\sid="([^"]*)"`)
	hrefOf = regexp.MustCompile(`\shref="([^"]*)"`)
)

// check finds links that lead to no page or no anchor, and anchors that a page has twice.
func (s *site) check() error {
	ids := map[string]bool{}
	var all []error
	for _, p := range s.pages {
		ids[p.File] = true
		for _, m := range idOf.FindAllStringSubmatch(string(p.Body), -1) {
			target := p.File + "#" + html.UnescapeString(m[1])
			if ids[target] {
				all = append(all, fmt.Errorf("%s: two anchors %s", p.Source, target))
			}
			ids[target] = true
		}
	}
	for _, p := range s.pages {
		for _, m := range hrefOf.FindAllStringSubmatch(string(p.Body), -1) {
			target := html.UnescapeString(m[1])
			if strings.HasPrefix(target, "#") {
				target = p.File + target
			}
			if !strings.HasPrefix(target, "https://") && !ids[target] {
				all = append(all, fmt.Errorf("%s: dead link: %s", p.Source, target))
			}
		}
	}
	return errors.Join(all...)
}
