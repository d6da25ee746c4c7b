// SPDX-License-Identifier: ISC

package build

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// isSource are the files that people write, or generators for them, and that can have comments.
var isSource = regexp.MustCompile(`\.(go|s|erl|hrl|in|escript|config|src|ex|exs|sh|yml|js|css)$|(^|/)Makefile$|^\.ci/(run|setup)$`)

func TestEverySourceFileNamesItsLicence(t *testing.T) {
	const (
		header = "SPDX-License-Identifier: ISC"
		within = 5 // lines: one for the shell or the system may come before
	)
	list := exec.Command("git", "ls-files", "-coz", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Skipf("git does not list the files: %v", err)
	}
	sources := 0
	for path := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		info, err := os.Lstat(filepath.Join(root, path))
		if !isSource.MatchString(path) || err != nil || !info.Mode().IsRegular() {
			continue
		}
		sources++
		lines := strings.SplitN(string(read(t, filepath.Join(root, path))), "\n", within+1)
		if !strings.Contains(strings.Join(lines[:min(within, len(lines))], "\n"), header) {
			t.Errorf("%s does not say %q in its first lines", path, header)
		}
	}
	if sources < 400 {
		t.Errorf("%d sources were found, want those of the whole project", sources)
	}
}
