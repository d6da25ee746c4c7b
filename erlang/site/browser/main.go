// SPDX-License-Identifier: ISC

// Command browser opens each page of the site in chromium, at the widths of a desk and of a phone.
// It fails for what a script throws, for messages of the browser, for links that lead nowhere,
// and for a page that is wider than its window. Then it tries the search.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	site := flag.String("site", "_build/site", "the folder of the site")
	shots := flag.String("shots", "", "a folder for pictures of the pages")
	flag.Parse()
	if err := run(*site, *shots); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(site, shots string) error {
	b, err := start()
	if err != nil {
		return err
	}
	defer b.close()
	n, err := b.check(site, shots)
	if err == nil {
		fmt.Printf("%d pages are as they should be\n", n)
	}
	return err
}

// widths of windows in pixels.
var widths = map[string]int{"desk": 1280, "phone": 360}

// check looks at all pages of a site and returns how many there are.
func (b *browser) check(site, shots string) (int, error) {
	files, err := filepath.Glob(filepath.Join(site, "*.html"))
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("%s: no pages: %w", site, err)
	}
	var all []error
	anchors := map[string]bool{}
	var links []link
	for _, file := range files {
		for name, width := range widths {
			found, err := b.look(file, width)
			if err != nil {
				all = append(all, fmt.Errorf("%s, %s: %w", filepath.Base(file), name, err))
				continue
			}
			for _, id := range found.IDs {
				anchors[id] = true
			}
			links = append(links, found.Links...)
			if shots != "" {
				shot := strings.TrimSuffix(filepath.Base(file), ".html") + "_" + name + ".png"
				all = append(all, b.picture(filepath.Join(shots, shot)))
			}
		}
	}
	all = append(all, dead(links, anchors), b.search(files[0]))
	return len(files), errors.Join(all...)
}

func dead(links []link, anchors map[string]bool) error {
	var all []error
	for _, l := range links {
		if strings.HasPrefix(l.To, "file:") && !anchors[l.To] {
			all = append(all, fmt.Errorf("%s: dead link: %s", l.From, l.To))
		}
	}
	return errors.Join(all...)
}
