// SPDX-License-Identifier: ISC

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A page whose search finds what is expected, so that nothing else is wrong.
const good = `<!doctype html><meta name="viewport" content="width=device-width"><title>x</title><input id="search"><ol id="results"></ol>
<script>
const searchIndex = [];
const targets = {mount: "alcove.html#mount/8", "alcove_run:run": "alcove_run.html#run/2", "flow control": "programs.html#flow-control"};
document.getElementById("search").addEventListener("input", (event) => {
  const target = targets[event.target.value];
  document.getElementById("results").innerHTML = target ? '<li><a href="' + target + '">found</a>' : "";
});
</script>`

func TestFaultsOfPagesAreFound(t *testing.T) {
	if _, err := exec.LookPath("chromium"); err != nil {
		t.Skip("chromium is missing")
	}
	b, err := start()
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	for name, c := range map[string]struct{ fault, want string }{
		"nothing":                  {"", ""},
		"a script that fails":      {`<script>missing()</script>`, "missing is not defined"},
		"a message":                {`<script>console.log("left over")</script>`, "left over"},
		"a file that is not there": {`<script src="no.js"></script>`, "ERR_FILE_NOT_FOUND"},
		"a wide page":              {`<p style="width: 400px">wide</p>`, "phone: wider than 360"},
		"a dead link":              {`<a href="no.html">no</a>`, "dead link"},
		"a dead anchor":            {`<a href="#no">no</a>`, "dead link"},
		"a search without results": {`<script>for (const k in targets) delete targets[k]</script>`, `search for "mount"`},
	} {
		t.Run(name, func(t *testing.T) {
			site := t.TempDir()
			if err := os.WriteFile(filepath.Join(site, "index.html"), []byte(good+c.fault), 0o644); err != nil {
				t.Fatal(err)
			}
			_, err := b.check(site, "")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}
