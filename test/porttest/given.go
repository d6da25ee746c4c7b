// SPDX-License-Identifier: ISC

package porttest

import "github.com/alcove-go/alcove/port/entry"

// Given returns strings as the kernel gives them to a program: one behind the other, each with a
// NUL.
func Given(strings ...string) entry.Strings {
	var memory []byte
	for _, s := range strings {
		memory = append(append(memory, s...), 0)
	}
	given := make(entry.Strings, len(strings))
	at := 0
	for i, s := range strings {
		given[i] = &memory[at]
		at += len(s) + 1
	}
	return given
}
