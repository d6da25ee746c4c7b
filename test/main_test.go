// SPDX-License-Identifier: ISC

// Package test drives the built port program over plain pipes. The tests are named for what they
// show. A comment says "kept" or "bettered" of those that compare with the C port. D1 to D30 are
// defects of the C port in the table of erlang/doc/c_port.md.
package test

import (
	"os"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
)

func TestMain(m *testing.M) { os.Exit(porttest.Main(m)) }
