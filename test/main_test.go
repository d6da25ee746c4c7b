// Package test drives the built port program over plain pipes. The tests are named for what they show; those that
// stand for a row of the table of differences from the C port say so in a comment, "kept" or "bettered".
package test

import (
	"os"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
)

func TestMain(m *testing.M) { os.Exit(porttest.Main(m)) }
