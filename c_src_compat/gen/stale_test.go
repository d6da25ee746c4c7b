// SPDX-License-Identifier: ISC

package main

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

// fromLists reads the lists of the project once for all tests.
var fromLists = sync.OnceValues(func() (sources, error) { return readSources(root) })

func readLists(t *testing.T) sources {
	t.Helper()
	s, err := fromLists()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestGeneratedFilesAreUpToDate(t *testing.T) {
	want, err := generate(readLists(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range want {
		got, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(string(text), string(got)); diff != "" {
			t.Errorf("%s is stale, run make gen (-generated +file):\n%s", path, diff)
		}
	}
}

func TestEveryZFileIsGenerated(t *testing.T) {
	generated, err := generate(readLists(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"calls", "port/sys"} {
		files, err := filepath.Glob(filepath.Join(root, dir, "z*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("z files of %s: %v, %v", dir, files, err)
		}
		for _, f := range files {
			if generated[dir+"/"+filepath.Base(f)] == nil {
				t.Errorf("%s is not made by the generator", f)
			}
		}
	}
}
