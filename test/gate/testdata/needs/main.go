// SPDX-License-Identifier: ISC

// Command needs uses the Go runtime, which is not there.
package main

import (
	"os"
	_ "unsafe" // for linkname

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/sys"
)

//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
func begin() {
	switch args := entry.Arguments(); args.At(len(args) - 1) {
	case "nothing":
		sys.Exit(0)
	case "allocator":
		kept = new(int)
	case "stack":
		deeper(0)
	case "defer":
		deferred(len(args))
	case "index":
		kept = &few[len(args)+len(few)]
	}
	sys.Exit(1)
}

var (
	kept *int
	few  [2]int
	home = os.TempDir() // a variable that code initialises
)

func deeper(n int) int {
	var b [1000]int
	if n < len(b) {
		b[n] = deeper(n + 1)
	}
	return b[n/2]
}

func deferred(n int) {
	for i := range n {
		defer print(i)
	}
}

func main() { print(home) }
