//go:build linux

// SPDX-License-Identifier: ISC

package port

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// passed is how much of a stream is let through, and whether an exec call ends there.
type passed struct {
	N      int
	Closed bool
}

// passedAtOnce returns what a scanner is to find. It looks at one whole frame after the
// other.
func passedAtOnce(stream string) passed {
	n := 0
	for _, frame := range framesIn(stream) {
		n += len(frame)
		whole := len(frame) >= lengthSize && len(frame) == lengthSize+get16([]byte(frame))
		if whole && strings.HasPrefix(frame[lengthSize:], "\x00\x04\x00\x14") { // a call of callExec
			return passed{n, true}
		}
	}
	return passed{n, false}
}

// passedInPieces returns what a scanner finds when the stream comes in pieces that end at
// the cuts.
func passedInPieces(stream string, cuts ...int) passed {
	var s scanner
	n := 0
	for _, end := range append(cuts, len(stream)) {
		k, closed := s.through([]byte(stream[n:end]), new(stubCalls))
		if n += k; closed || n != end {
			return passed{n, closed}
		}
	}
	return passed{n, false}
}

func TestExecFramesEndWhatIsLetThrough(t *testing.T) {
	exec, other := callFrame(callExec, "term"), callFrame(callOnly, "term")
	data := stdinFrame(20, exec)
	for _, test := range []struct {
		name, stream string
		want         passed
	}{
		{"nothing", "", passed{0, false}},
		{"an exec", exec, passed{10, true}},
		{"an exec with more behind it", exec + "input of the program", passed{10, true}},
		{"an exec that is not complete", exec[:9], passed{9, false}},
		{"an exec without arguments", callFrame(callExec, ""), passed{6, true}},
		{"the first of two", exec + exec, passed{10, true}},
		{"behind other frames", other + data + exec + other, passed{10 + 18 + 10, true}},
		{"another call", other, passed{10, false}},
		{"an exec of a grandchild", data, passed{18, false}},
		{"not a call", "\x00\x04\x00\x05\x00\x14", passed{6, false}},
		{"another call with its number in the second byte", "\x00\x04\x00\x04\x14\x00", passed{6, false}},
		{"frames that are shorter than the header of a call", "\x00\x00\x00\x01\x00\x00\x02\x00\x04\x00\x03\x00\x04\x00" + exec,
			passed{2 + 3 + 4 + 5 + 10, true}},
		{"a call that is cut at its number", "\x00\x03\x00\x04\x00\x14" + exec, passed{16, false}},
		{"a frame of the greatest size", "\xff\xff" + strings.Repeat("\x00", 65535) + exec, passed{65537 + 10, true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, passedAtOnce(test.stream)); diff != "" {
				t.Errorf("at once (-want +got):\n%s", diff)
			}
			for cut := range min(len(test.stream), 100) + 1 {
				if diff := cmp.Diff(test.want, passedInPieces(test.stream, cut)); diff != "" {
					t.Errorf("in two pieces, cut at %d (-want +got):\n%s", cut, diff)
				}
			}
		})
	}
}

// However a stream is cut, the scanner finds the end of the first exec call, and
// nothing where there is none.
func FuzzScanner(f *testing.F) {
	f.Fuzz(func(t *testing.T, stream string, cut uint16) {
		want := passedAtOnce(stream)
		every := make([]int, len(stream))
		for i := range every {
			every[i] = i
		}
		for _, cuts := range [][]int{nil, {int(cut) % (len(stream) + 1)}, every} {
			if diff := cmp.Diff(want, passedInPieces(stream, cuts...)); diff != "" {
				t.Errorf("%q, cut at %v (-want +got):\n%s", stream, cuts, diff)
			}
		}
	})
}
