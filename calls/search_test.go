// SPDX-License-Identifier: ISC

package calls

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"github.com/google/go-cmp/cmp"
)

func TestCutPath(t *testing.T) {
	for list, want := range map[string][]string{
		"":           {""},
		"/bin":       {"/bin"},
		"/bin:/sbin": {"/bin", "/sbin"},
		":/bin":      {"", "/bin"},
		"/bin:":      {"/bin", ""},
		"a::b":       {"a", "", "b"},
	} {
		var got []string
		rest := []byte(list)
		for more := true; more; {
			var dir []byte
			dir, rest, more = cutPath(rest)
			got = append(got, string(dir))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("directories of %q (-want +got):\n%s", list, diff)
		}
	}
}

func TestJoin(t *testing.T) {
	for _, test := range []struct{ dir, file, want string }{
		{"/bin", "sh", "/bin/sh"},
		{"/", "sh", "//sh"},
		{"", "sh", "sh"},
	} {
		got := join(make([]byte, 20), []byte(test.dir), []byte(test.file))
		if string(got) != test.want || got[:len(got)+1][len(got)] != 0 {
			t.Errorf("%q in %q is %q, followed by %q", test.file, test.dir, got, got[:len(got)+1][len(got)])
		}
	}
}

// Only what fails can be tried here; what is found is tried over the wire.
func TestWhatTheSearchForAProgramAnswers(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, mode os.FileMode, contents string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(contents), mode); err != nil {
			t.Fatal(err)
		}
	}
	write("denied/prog", 0o644, "#!/bin/sh\n")
	write("loop/prog", 0o755, "#!"+dir+"/loop/prog\n")
	write("file", 0o644, "")
	if err := os.MkdirAll(filepath.Join(dir, "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	path := func(dirs ...string) string {
		for i, d := range dirs {
			dirs[i] = filepath.Join(dir, d)
		}
		return "PATH=" + strings.Join(dirs, ":")
	}
	for _, test := range []struct {
		name string
		env  string
		file string
		want string
	}{
		{"no directory has it", path("empty", "missing"), "prog", "enoent"},
		{"a file for a directory is passed over", path("file", "empty"), "prog", "enoent"},
		{"what the last directory answers counts", path("empty", "file"), "prog", "enotdir"},
		{"one that is denied is remembered", path("denied", "empty"), "prog", "eacces"},
		{"one that is denied does not end the search", path("denied", "loop"), "prog", "eloop"},
		{"another error ends the search", path("loop", "denied"), "prog", "eloop"},
		{"a name with a slash is not searched", path("denied"), "./prog", "enoent"},
		{"a directory that is too long is passed over", "PATH=/" + strings.Repeat("x", 4096) + ":" + path("denied")[5:], "prog", "eacces"},
		{"the empty name", path("denied"), "\x00", "enoent"},
		{"directories that are all too long", "PATH=/" + strings.Repeat("x", 4096), "prog", "enoent"},
		{"a name that is too long in no directory", path("missing"), strings.Repeat("p", 256), "enametoolong"},
		{"a name that is too long", path("denied"), strings.Repeat("p", 256), "enametoolong"},
		{"a path that is too long for a name", path("denied"), "/" + strings.Repeat("p", 256), "enametoolong"},
		{"no PATH: the usual directories", "A=1", "no-such-program", "enoent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAsker(test.env)
			want(t, a.ask(nrExecvp, pt.Binary(test.file), pt.List{pt.Binary("x")}), errorTuple(test.want))
		})
	}
}

func TestExecWithoutLists(t *testing.T) {
	const noFile = 1 << 20
	args := pt.List{pt.Binary("x")}
	for _, test := range []struct {
		name string
		nr   int
		args []pt.Term
		want pt.Term
	}{
		{"execve takes them", nrExecve, []pt.Term{pt.Binary("/no/such"), pt.List{}, pt.List{}}, errorTuple("enoent")},
		{"fexecve wants arguments", nrFexecve, []pt.Term{noFile, pt.List{}, args}, errorTuple("einval")},
		{"fexecve wants an environment", nrFexecve, []pt.Term{noFile, args, pt.List{}}, errorTuple("einval")},
		{"fexecve wants a descriptor", nrFexecve, []pt.Term{-1, args, args}, errorTuple("einval")},
		{"fexecve with both", nrFexecve, []pt.Term{noFile, args, args}, errorTuple("ebadf")},
	} {
		t.Run(test.name, func(t *testing.T) { want(t, newAsker().ask(test.nr, test.args...), test.want) })
	}
}
