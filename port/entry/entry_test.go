//go:build linux

// SPDX-License-Identifier: ISC

package entry_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

// told is what a program says of how it was started.
type told struct{ Arguments, Environment []string }

func TestArgumentsAndEnvironmentAreThoseThatTheKernelGave(t *testing.T) {
	program := filepath.Join(t.TempDir(), "tell")
	if err := porttest.Build(program, "port/entry/testdata/tell"); err != nil {
		t.Fatal(err)
	}
	many := slices.Repeat([]string{"x", "", "y=z"}, 3000)
	for _, test := range []struct {
		name string
		want told
	}{
		{"a name only", told{[]string{"name"}, nil}},
		{"an empty name", told{[]string{""}, []string{"A=1"}}},
		{"some of both", told{[]string{"name", "-c", "", "x y"}, []string{"A=1", "", "=", "B"}}},
		{"many of both", told{many, many}},
		{"long ones", told{[]string{"name", strings.Repeat("a", 100_000)}, []string{"A=" + strings.Repeat("b", 100_000)}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, start(t, program, test.want)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// start runs the program, which exec.Cmd would give a tidied environment.
func start(t *testing.T, program string, with told) told {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := os.StartProcess(program, with.Arguments, &os.ProcAttr{
		Env:   append([]string{}, with.Environment...),
		Files: []*os.File{nil, w, os.Stderr},
	})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if state, err := p.Wait(); err != nil || !state.Success() {
		t.Fatalf("the program: %v, %v", state, err)
	}
	var got told
	got.Arguments, out = take(t, out, len(with.Arguments))
	got.Environment, out = take(t, out, len(with.Environment))
	if len(out) != 0 {
		t.Errorf("%d bytes more", len(out))
	}
	return got
}

// take takes n strings off b, and the NUL behind them.
func take(t *testing.T, b []byte, n int) (all []string, rest []byte) {
	t.Helper()
	for range n {
		s, after, ok := bytes.Cut(b, []byte{0})
		if !ok {
			t.Fatal("fewer strings than expected")
		}
		all, b = append(all, string(s)), after
	}
	if len(b) == 0 || b[0] != 0 {
		t.Fatalf("no end after %d strings: %q", n, b[:min(len(b), 100)])
	}
	return all, b[1:]
}
