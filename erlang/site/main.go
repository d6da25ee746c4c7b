// SPDX-License-Identifier: ISC

// Command site writes the documentation as one static site: the pages of the guide, the manual of
// the public modules, the examples and a search over all of them.
//
// Pages and modules come in the order of the configuration of ex_doc in rebar.config. A link
// that leads nowhere is an error, and so is a page that no group has. The manual is JSON that
// manual.erl has written.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	root := flag.String("root", ".", "the folder of the project")
	manual := flag.String("manual", "", "what manual.erl has written")
	out := flag.String("out", "_build/site", "the folder of the site")
	flag.Parse()
	if err := run(*root, *manual, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root, manual, out string) error {
	m, err := readManual(manual)
	if err != nil {
		return err
	}
	s, err := newSite(root, m)
	if err != nil {
		return err
	}
	if err := errors.Join(s.render(), s.check()); err != nil {
		return err
	}
	if err := s.write(out); err != nil {
		return err
	}
	fmt.Printf("%d pages: %s\n", len(s.pages), filepath.Join(out, "index.html"))
	return nil
}
