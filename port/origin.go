// SPDX-License-Identifier: ISC

package port

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/entry"
)

// maxArg0 is how much is kept of the name that the program was called by.
const maxArg0 = 4096

// keepOrigin keeps the environment, and the name that the program was called
// by, which it copies to arg0. It finds the memory in which arguments and
// environment were given: a title can be written there.
//
// As with setenv(3) for each entry in turn, an entry without = is left out,
// and of several for one name the last value remains, in the first's place.
// An entry with an empty name, which setenv refuses, leaves the environment as
// it was given and the title alone.
func (p *Process) keepOrigin(args, envs entry.Strings, arg0 []byte) {
	var title []byte
	if len(args) > 0 {
		p.Arg0 = arg0[:copy(arg0, args.At(0))]
		title = titleMemory(args, envs)
	}
	for i := range envs {
		if *envs[i] == '=' {
			p.Env = envs
			return
		}
	}
	p.Env, p.Title = setEntries(envs), title
}

// setEntries returns what setenv would make of the entries, in their memory.
func setEntries(entries entry.Strings) entry.Strings {
	n := 0
	for i, e := range entries {
		if at, ok := indexFor(entries[:n], entries.At(i)); ok {
			entries[at] = e
			n = max(n, at+1)
		}
	}
	return entries[:n]
}

// indexFor returns where in set the entry belongs: at one with the same name, or behind
// all. It reports false for an entry without a name.
func indexFor(set entry.Strings, entry string) (at int, ok bool) {
	name := 0
	for name < len(entry) && entry[name] != '=' {
		name++
	}
	if name == len(entry) {
		return 0, false
	}
	for at < len(set) && !begins(set[at], entry[:name+1]) {
		at++
	}
	return at, true
}

// titleMemory returns the memory where the kernel put arguments and environment:
// from the first argument to the NUL after the last string that directly follows.
func titleMemory(args, envs entry.Strings) []byte {
	first, size := args[0], 0
	for _, strings := range [...]entry.Strings{args, envs} {
		for i, s := range strings {
			if unsafe.Pointer(s) != unsafe.Add(unsafe.Pointer(first), size) {
				return unsafe.Slice(first, size)
			}
			size += len(strings.At(i)) + 1
		}
	}
	return unsafe.Slice(first, size)
}

// begins reports whether the string at p begins with s. It stops at the first
// difference: the memory may end soon after a NUL.
func begins(p *byte, s string) bool {
	for i := range len(s) {
		if *(*byte)(unsafe.Add(unsafe.Pointer(p), i)) != s[i] {
			return false
		}
	}
	return true
}
