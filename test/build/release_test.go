// SPDX-License-Identifier: ISC

package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// change commits a change of a file in a checkout.
func change(t *testing.T, top, path, old, new string) {
	t.Helper()
	file := filepath.Join(top, path)
	text := string(read(t, file))
	if !strings.Contains(text, old) {
		t.Fatalf("%s does not have %q", path, old)
	}
	write(t, file, strings.Replace(text, old, new, 1), 0o600)
	commit := exec.Command("git", "-c", "user.name=test", "-c", "user.email=test@localhost", "commit", "-qam", "change")
	commit.Dir = top
	if out, err := commit.CombinedOutput(); err != nil {
		t.Fatalf("git commit: %v\n%s", err, out)
	}
}

// releaseCheck runs the script without the checks that take long.
func releaseCheck(t *testing.T, top string) (string, error) {
	t.Helper()
	cmd := exec.Command("make", "-C", top, "release-check", "CHECKS=")
	cmd.Env = append(os.Environ(), caches(t)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// heading returns the first heading of the changelog, which is the version once it is decided.
func heading(t *testing.T, top string) string {
	t.Helper()
	_, below, _ := strings.Cut(string(read(t, filepath.Join(top, "CHANGELOG.md"))), "\n## ")
	first, _, _ := strings.Cut(below, "\n")
	return first
}

func TestReleaseCheckPacksWhatCanBeReleased(t *testing.T) {
	top := checkout(t)
	version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(pack(t)), "alcove_go-"), ".tar")
	if now := heading(t, top); now != version {
		change(t, top, "CHANGELOG.md", "\n## "+now+"\n", "\n## "+version+"\n")
	}
	out, err := releaseCheck(t, top)
	if err != nil {
		t.Fatalf("make release-check: %v\n%s", err, out)
	}
	for _, want := range []string{"the same, byte for byte", "Left to do by hand:", "make test, make gate; done here: none", "git tag -s v" + version} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	sameAsCommitted(t, top)
}

func TestReleaseCheckRefusesWhatCannotBeReleased(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		spoil      func(t *testing.T, top string)
	}{
		{"a change that is not committed", "not committed", func(t *testing.T, top string) {
			write(t, filepath.Join(top, "new.txt"), "", 0o600)
		}},
		{"a changelog of another version", `CHANGELOG.md begins with "0.0.0"`, func(t *testing.T, top string) {
			change(t, top, "CHANGELOG.md", "\n## "+heading(t, top)+"\n", "\n## 0.0.0\n")
		}},
		{"a version that has been released", "the tag v9.9.9 exists", func(t *testing.T, top string) {
			change(t, top, "erlang/src/alcove.app.src", "{vsn, \"1", "{vsn, \"9.9.9\"}, {was, \"1")
			if out, err := exec.Command("git", "-C", top, "tag", "v9.9.9").CombinedOutput(); err != nil {
				t.Fatalf("git tag: %v\n%s", err, out)
			}
		}},
		{"a page with another version", "installing.md names another version than 9.9", func(t *testing.T, top string) {
			change(t, top, "CHANGELOG.md", "\n## "+heading(t, top)+"\n", "\n## 9.9.9\n")
			change(t, top, "erlang/src/alcove.app.src", "{vsn, \"1", "{vsn, \"9.9.9\"}, {was, \"1")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			top := checkout(t)
			tt.spoil(t, top)
			out, err := releaseCheck(t, top)
			if err == nil || !strings.Contains(out, "not released: ") || !strings.Contains(out, tt.want) {
				t.Errorf("make release-check: %v, want %q in\n%s", err, tt.want, out)
			}
		})
	}
}
