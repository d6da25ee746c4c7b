// SPDX-License-Identifier: ISC

// Command trap builds the port program with traps in place of the Go runtime, see
// package gate.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/alcove-go/alcove/test/porttest"
)

func main() {
	path, err := filepath.Abs(os.Args[1])
	if err == nil {
		err = porttest.BuildTrapped(path)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
