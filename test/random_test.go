// SPDX-License-Identifier: ISC

package test

import (
	"flag"
	"math/rand/v2"
	"testing"
	"time"
)

var (
	seed      = flag.Uint64("seed", 0, "seed of the random tests, 0 for one that is new each time")
	budget    = flag.Duration("budget", 5*time.Second, "how long a random test without an end runs")
	processes = flag.Int("processes", 25, "how many processes the random tree has")
)

// seeded makes a random source and has the seed in the test's output. The same seed gives the same
// choices.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}
