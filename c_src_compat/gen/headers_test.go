// SPDX-License-Identifier: ISC

package main

import (
	"bytes"
	"cmp"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// compile checks C source with the compiler of the machine; output is what it says.
func compile(t *testing.T, source []byte) (output string, ok bool) {
	t.Helper()
	compiler := strings.Fields(cmp.Or(os.Getenv("CC"), "gcc"))
	cmd := exec.Command(compiler[0], append(compiler[1:], "-fsyntax-only", "-xc", "-")...)
	cmd.Stdin = bytes.NewReader(source)
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Fatalf("the values are compared with the C headers of the machine, for which a C compiler "+
			"and the headers of libc and the kernel are needed (Debian: gcc libc6-dev): %v", err)
	}
	return string(out), err == nil
}

func assertions(t *testing.T, s sources) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := writeAssertions(&b, s, target{runtime.GOOS, runtime.GOARCH}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestValuesAreThoseOfTheHeaders(t *testing.T) {
	source := assertions(t, readLists(t))
	if n := bytes.Count(source, []byte("_Static_assert(")); n < 800 {
		t.Errorf("%d assertions, want one for each name", n)
	}
	if output, ok := compile(t, source); !ok {
		t.Errorf("the tables and the headers differ:\n%s", output)
	}
}

func TestAWrongTableDoesNotPassTheHeaders(t *testing.T) {
	here := target{runtime.GOOS, runtime.GOARCH}
	clone := table{Name: "clone", Names: []name{{Name: "clone_newns"}}}
	for _, tt := range []struct {
		name    string
		entries []entry
		want    string
	}{
		{"a wrong value", []entry{{"clone_newns", 1}}, "clone: clone_newns is 1"},
		{"a name that is missing", []entry{{"other", 1}}, "clone: clone_newns exists"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tab := resolved{table: clone, Targets: map[target][]entry{here: tt.entries}}
			output, ok := compile(t, assertions(t, sources{Tables: []resolved{tab}}))
			if ok || !strings.Contains(output, tt.want) {
				t.Errorf("got %t, %q, want a complaint with %q", ok, output, tt.want)
			}
		})
	}
}

// In these headers CLONE_IO is an unsigned int, and MS_NOUSER an int or, since glibc 2.43, an
// unsigned one.
func TestBit31PassesTheHeadersWithEitherSign(t *testing.T) {
	clone := table{Name: "clone", Names: []name{{Name: "clone_io"}}}
	for _, value := range []int64{1 << 31, -1 << 31} {
		here := map[target][]entry{{runtime.GOOS, runtime.GOARCH}: {{"clone_io", value}}}
		output, ok := compile(t, assertions(t, sources{Tables: []resolved{{table: clone, Targets: here}}}))
		if !ok {
			t.Errorf("%d: got %q, want no complaint", value, output)
		}
	}
}

func TestAssertionsOfAnUnknownTargetAreRefused(t *testing.T) {
	if err := writeAssertions(new(bytes.Buffer), readLists(t), target{"plan9", "amd64"}); err == nil {
		t.Error("got no error")
	}
}
