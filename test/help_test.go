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

func TestVersionIsThatOfTheCallAndOfTheApplication(t *testing.T) {
	got := pt.Run(t, "--version")
	if want := (pt.Result{Status: 0, Stdout: "alcove 1.0.1 (Go)\n"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	p := pt.Start(t)
	p.Want(pt.Binary("1.0.1"), nil, "version")
	app, err := os.ReadFile("../erlang/src/alcove.app.src")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(app), `{vsn, "1.0.1"}`) {
		t.Errorf("the application has another version:\n%s", app)
	}
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
