// SPDX-License-Identifier: ISC

package main

import (
	"fmt"
	"slices"
	"strings"
)

// An entry is a name of a table with its value on one target.
type entry struct {
	Name  string
	Value int64
}

// resolved is a table on each target, in the order of the list.
type resolved struct {
	table
	Targets map[target][]entry
}

// resolve gives the names of a table their values. A name must have a value on every
// target of Linux, and on every other one that it is listed for by name: which of the
// names without a mark another system has is what its values tell. Of names of system
// calls that clients may ask for, which come and go with the architecture, one is enough.
func resolve(tab table, all map[target]values) (resolved, error) {
	r := resolved{table: tab, Targets: map[target][]entry{}}
	for _, n := range tab.Names {
		found, missing := r.add(n, all)
		optional := strings.HasPrefix(n.Name, "sys_") && found > 0
		if len(missing) > 0 && !optional {
			return r, fmt.Errorf("%s: no value of %s for %v", tab.Name, n.Name, missing)
		}
	}
	return r, nil
}

// add appends a name to the table of each target that has it. It returns on how many
// the name was found, and those that must have it but do not.
func (r resolved) add(n name, all map[target]values) (found int, missing []target) {
	for _, t := range targets {
		as, listed := n.on(t)
		value, known := all[t][strings.ToLower(as)]
		switch {
		case listed && known:
			r.Targets[t] = append(r.Targets[t], entry{n.Name, value})
			found++
		case listed && (t.OS == "linux" || n.marked(t.OS)):
			missing = append(missing, t)
		}
	}
	return found, missing
}

// existsOn reports whether the table has a name on any target of a system.
func (r resolved) existsOn(s system) bool {
	return slices.ContainsFunc(s.Targets, func(t target) bool { return len(r.Targets[t]) > 0 })
}

// sameNames reports whether the table has the same names on all targets of a system.
func (r resolved) sameNames(s system) bool {
	first := r.Targets[s.Targets[0]]
	for _, t := range s.Targets[1:] {
		if !slices.EqualFunc(first, r.Targets[t], func(a, b entry) bool { return a.Name == b.Name }) {
			return false
		}
	}
	return true
}

// differs reports whether the i-th value of a table with the same names on all targets of a
// system is not the same there.
func (r resolved) differs(s system, i int) bool {
	for _, t := range s.Targets[1:] {
		if r.Targets[t][i].Value != r.Targets[s.Targets[0]][i].Value {
			return true
		}
	}
	return false
}
