// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// goKernel makes the files of the constants of package sys: for each system one for what
// is equal on all of its targets, and one for the rest of each target. Names that are in
// the table of error numbers have the type of errors.
func goKernel(tab resolved, errors table) map[string]*bytes.Buffer {
	files := map[string]*bytes.Buffer{}
	kernelFile := func(suffix string, of target, keep func(entry) bool) {
		b := goFileOf("sys", "c_src_compat/kernel.txt")
		b.WriteString("\nconst (\n")
		empty := b.Len()
		for _, e := range tab.Targets[of] {
			if keep(e) {
				fmt.Fprintf(b, "\t%s = %s\n", e.Name, kernelValue(e, errors))
			}
		}
		if b.Len() > empty {
			b.WriteString(")\n")
			files["port/sys/zkernel_"+of.OS+suffix+".go"] = b
		}
	}
	for _, s := range systems {
		everywhere := func(e entry) bool { return tab.everywhere(s, e) }
		kernelFile("", s.Targets[0], everywhere)
		for _, t := range s.Targets {
			kernelFile("_"+t.Arch, t, func(e entry) bool { return !everywhere(e) })
		}
	}
	return files
}

func kernelValue(e entry, errors table) string {
	isError := func(n name) bool { return n.Name == strings.ToLower(e.Name) }
	if slices.ContainsFunc(errors.Names, isError) {
		return fmt.Sprintf("Errno(%d)", e.Value)
	}
	return literal(e.Value)
}

// everywhere reports whether all targets of a system have the name with the same value.
func (r resolved) everywhere(s system, e entry) bool {
	for _, t := range s.Targets {
		if !slices.Contains(r.Targets[t], e) {
			return false
		}
	}
	return true
}
