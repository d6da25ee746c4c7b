// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"strings"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var (
	// C = 65534
	variable = arg(nonEmptyKind, pt.Binary("NO_SUCH_VARIABLE"))
	value    = arg(iolistKind, pt.Binary("value"))
)

var environmentCalls = map[string]call{
	"clearenv":     {valid: validClearenv},
	"environ":      {valid: validEnviron},
	"getenv":       {args: []argument{variable}, valid: validGetenv},
	"setenv":       {args: []argument{variable, value, arg(intKind, 1)}, valid: validSetenv},
	"unsetenv":     {args: []argument{variable}, valid: validUnsetenv},
	"setproctitle": {args: []argument{arg(iolistKind, pt.Binary("title"))}, valid: validSetproctitle},
}

// environment checks what environ answers.
func (c *caller) environment(want ...string) {
	c.t.Helper()
	list := pt.Chained{}
	for _, e := range want {
		list = append(list, pt.Binary(e))
	}
	c.also(list, "environ")
}

func validClearenv(c *caller) {
	c.want(ok)
	c.environment()
	c.also(false, "getenv", pt.Binary("PATH"))
	c.also(ok, "setenv", pt.Binary("A"), pt.Binary("1"), 1)
	c.environment("A=1")
	c.want(ok)
	c.environment()
}

func validEnviron(c *caller) {
	c.also(ok, "clearenv")
	c.want(pt.List{})
	for i := range 300 {
		c.also(ok, "setenv", pt.Binary(fmt.Sprint("V", i)), pt.Binary("x"), 1)
	}
	list := pt.Chained{}
	for i := range 300 {
		list = append(list, pt.Binary(fmt.Sprintf("V%d=x", i)))
	}
	c.want(list)
	c.fork().want(list)
}

func validGetenv(c *caller) {
	c.also(ok, "clearenv")
	c.want(false, pt.Binary("A"))
	c.also(ok, "setenv", pt.Binary("A"), pt.Binary("1"), 1)
	c.also(ok, "setenv", pt.Binary("B"), pt.Binary("C=D"), 1)
	c.also(ok, "setenv", pt.Binary("E"), pt.Binary(""), 1)
	c.want(pt.Binary("1"), pt.Binary("A"))
	c.want(pt.Binary("1"), pt.String("A"))
	c.want(pt.Binary("1"), pt.List{65})
	c.want(badarg, pt.Binary("A\x00B"))
	c.want(pt.Binary("C=D"), pt.Binary("B"))
	c.want(pt.Binary("D"), pt.Binary("B=C"))
	c.want(pt.Binary(""), pt.Binary("E"))
	c.want(false, pt.Binary("a"))
	c.want(false, pt.Binary(strings.Repeat("x", 65400)))
	// The largest value that fits, and one more.
	fits := 65535 - 8*(len(c.to)+1) - 6
	c.also(ok, "setenv", pt.Binary("BIG"), pt.Binary(pt.Bytes(fits-30)), 1)
	c.want(pt.Binary(pt.Bytes(fits-30)), pt.Binary("BIG"))
}

func validSetenv(c *caller) {
	c.also(ok, "clearenv")
	c.want(ok, pt.Binary("A"), pt.Binary("1"), 0)
	c.want(ok, pt.Binary("B"), pt.Binary("2"), 1)
	c.environment("A=1", "B=2")
	c.want(ok, pt.Binary("A"), pt.Binary("3"), 0)
	c.environment("A=1", "B=2")
	for _, replace := range []int{1, -1, 7, 1<<31 - 1} {
		c.want(ok, pt.Binary("A"), pt.Binary(fmt.Sprint(replace)), replace)
		c.environment(fmt.Sprint("A=", replace), "B=2")
	}
	c.want(ok, pt.Binary("A"), pt.Binary(strings.Repeat("long", 100)), 1)
	c.environment("A="+strings.Repeat("long", 100), "B=2")
	c.want(ok, pt.Binary("A"), pt.List{}, 1)
	c.environment("A=", "B=2")
	c.want(badarg, pt.Binary("C\x00D"), pt.Binary("x"), 1)
	c.want(badarg, pt.Binary("C"), pt.Binary("x\x00y"), 1)
	c.want(ok, pt.Binary("C\x00"), pt.Binary("x\x00"), 1)
	c.want(errno("einval"), pt.Binary("\x00"), pt.Binary("1"), 1)
	c.environment("A=", "B=2", "C=x")
	c.want(errno("einval"), pt.Binary("A=B"), pt.Binary("1"), 1)
	c.want(errno("einval"), pt.Binary("=A"), pt.Binary("1"), 0)
	c.want(badarg, pt.Binary("D\x00=x"), pt.Binary("1"), 1)
	c.want(ok, pt.Binary("D"), pt.Binary("1"), 1)
	c.environment("A=", "B=2", "C=x", "D=1")
	// A child has its own copy.
	b := c.fork()
	b.want(ok, pt.Binary("A"), pt.Binary("child"), 1)
	b.environment("A=child", "B=2", "C=x", "D=1")
	c.environment("A=", "B=2", "C=x", "D=1")
	c.Exec(b.to, "/usr/bin/env")
	if out := c.Finish(b.to, pt.ExitStatus(b.to, 0)); out != "A=child\nB=2\nC=x\nD=1\n" {
		c.t.Errorf("environment of a program: %q", out)
	}
}

func validUnsetenv(c *caller) {
	c.also(ok, "clearenv")
	for _, name := range []string{"A", "B", "C"} {
		c.also(ok, "setenv", pt.Binary(name), pt.Binary("1"), 1)
	}
	c.want(ok, pt.Binary("NONE"))
	c.want(ok, pt.Binary("B"))
	c.environment("A=1", "C=1")
	c.want(badarg, pt.Binary("A\x00x"))
	c.want(ok, pt.Binary("A"))
	c.environment("C=1")
	c.want(errno("einval"), pt.Binary("C=1"))
	c.want(ok, pt.Binary("C"))
	c.environment()
	c.want(ok, pt.Binary("C"))
}

// cmdline returns what ps shows.
func cmdline(c *caller) string {
	pt.Linux(c.t, "/proc")
	c.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.to.Pid()))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func validSetproctitle(c *caller) {
	pt.Linux(c.t, "/proc")
	original := cmdline(c)
	title := func(want string, args ...pt.Term) {
		c.t.Helper()
		c.want(ok, args...)
		if got := strings.TrimRight(cmdline(c), "\x00"); got != want {
			c.t.Errorf("setproctitle(%s) shows %q, want %q", pt.Format(pt.List(args)), got, want)
		}
	}
	c.want(ok, pt.Binary("\x00changes nothing"))
	if got := cmdline(c); got != original {
		c.t.Errorf("a title that begins with NUL shows %q", got)
	}
	title("short", pt.Binary("short"))
	if got := cmdline(c); len(got) < len(original) {
		c.t.Errorf("%d bytes of command line, %d before", len(got), len(original))
	}
	title("cut", pt.Binary("cut\x00here"))
	title("100% %s %n", pt.String("100% %s %n"))
	title("from a list", pt.List{pt.Binary("from "), pt.List{97, pt.String(" list")}})
	// Longer than the arguments were: it goes on where the environment was.
	title(pt.Bytes(255), pt.Binary(pt.Bytes(255)))
	title(pt.Bytes(255), pt.Binary(pt.Bytes(1000)))
	title(pt.Bytes(255), pt.Binary(pt.Bytes(65000)))
	// A title as long as the program's name was gets a space, also the name itself.
	title(pt.Program()+" ", pt.List{})
	title("again", pt.Binary("again"))
	title(pt.Program()+" ", pt.Binary(""))
	title(pt.Bytes(len(pt.Program()))+" ", pt.Binary(pt.Bytes(len(pt.Program()))))
	if got := pt.Status(c.to.Pid(), "Name"); got != "alcove" {
		c.t.Errorf("comm is %q", got)
	}
	// The environment and the arguments of the process itself are where they were.
	if got := c.Call(c.to, "getenv", pt.Binary("PATH")); got != pt.Binary(os.Getenv("PATH")) {
		c.t.Errorf("PATH is %s", pt.Format(got))
	}
	c.in(nil).also(c.Pid, "getpid")
	if got := strings.TrimRight(cmdline(c.in(pt.Pipeline{c.Pid})), "\x00"); got != strings.TrimRight(original, "\x00") {
		c.t.Errorf("command line of the parent: %q, want %q", got, original)
	}
}
