// SPDX-License-Identifier: ISC

package test

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	pt "github.com/alcove-go/alcove/test/porttest"
)

func TestHelpSaysWhatTheProgramIsAndItsOptions(t *testing.T) {
	got := pt.Run(t, "-h")
	if got.Status != 95 || got.Stdout != "" {
		t.Errorf("status %d, stdout %q", got.Status, got.Stdout)
	}
	lines := strings.Split(got.Stderr, "\n")
	for i, want := range []string{pt.Program() + " 1.0.1", "usage: " + pt.Program() + " -c <path> [<options>]", ""} {
		if lines[i] != want {
			t.Errorf("line %d: %q, want %q", i+1, lines[i], want)
		}
	}
	for _, named := range []string{
		"Erlang", "-c <path>", "-d <depth>", "-m <number>", "-h", "--version", "ALCOVE_TRACE",
	} {
		if !strings.Contains(got.Stderr, named) {
			t.Errorf("%s is not in the help:\n%s", named, got.Stderr)
		}
	}
	for _, line := range lines[1:] {
		if len(line) > 80 && !strings.Contains(line, pt.Program()) {
			t.Errorf("wider than a terminal: %q", line)
		}
	}
}

func TestVersionTellsThatOfTheApplicationFromThatOfTheCall(t *testing.T) {
	p := pt.Start(t)
	p.Want(pt.Binary("1.0.1"), nil, "version")
	want := pt.Result{Status: 0, Stdout: "alcove " + release(t) + " (Go), protocol 1.0.1\n"}
	if got := pt.Run(t, "--version"); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// release returns the version of the application.
func release(t *testing.T) string {
	t.Helper()
	app, err := os.ReadFile("../erlang/src/alcove.app.src")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(app), `{vsn, "`)
	version, _, found := strings.Cut(rest, `"`)
	if !found || version == "1.0.1" {
		t.Fatalf("the version of the application is %q, want one of its own", version)
	}
	return version
}

func TestVersionThatCannotBeWrittenIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	p := pt.Launch(t, pt.NoFifo(), pt.Args("--version"), pt.Open(1, full), pt.AnyEnd())
	if got := p.Exit(); got != int(unix.ENOSPC) {
		t.Errorf("status %d, want ENOSPC", got)
	}
}
