package test

import (
	"fmt"
	"os"
	"strings"

	. "github.com/alcove-go/alcove/test/porttest"
)

var (
	// C = 65534
	variable = arg(nonEmptyKind, Binary("NO_SUCH_VARIABLE"))
	value    = arg(iolistKind, Binary("value"))
)

var environmentCalls = map[string]call{
	"clearenv":     {valid: validClearenv},
	"environ":      {valid: validEnviron},
	"getenv":       {args: []argument{variable}, valid: validGetenv},
	"setenv":       {args: []argument{variable, value, arg(intKind, 1)}, valid: validSetenv},
	"unsetenv":     {args: []argument{variable}, valid: validUnsetenv},
	"setproctitle": {args: []argument{arg(iolistKind, Binary("title"))}, valid: validSetproctitle},
}

// environment checks what environ answers.
func (c *caller) environment(want ...string) {
	c.t.Helper()
	list := Chained{}
	for _, e := range want {
		list = append(list, Binary(e))
	}
	c.also(list, "environ")
}

func validClearenv(c *caller) {
	c.want(ok)
	c.environment()
	c.also(false, "getenv", Binary("PATH"))
	c.also(ok, "setenv", Binary("A"), Binary("1"), 1)
	c.environment("A=1")
	c.want(ok)
	c.environment()
}

func validEnviron(c *caller) {
	c.also(ok, "clearenv")
	c.want(List{})
	for i := range 300 {
		c.also(ok, "setenv", Binary(fmt.Sprint("V", i)), Binary("x"), 1)
	}
	list := Chained{}
	for i := range 300 {
		list = append(list, Binary(fmt.Sprintf("V%d=x", i)))
	}
	c.want(list)
	c.fork().want(list)
}

func validGetenv(c *caller) {
	c.also(ok, "clearenv")
	c.want(false, Binary("A"))
	c.also(ok, "setenv", Binary("A"), Binary("1"), 1)
	c.also(ok, "setenv", Binary("B"), Binary("C=D"), 1)
	c.also(ok, "setenv", Binary("E"), Binary(""), 1)
	c.want(Binary("1"), Binary("A"))
	c.want(Binary("1"), String("A"))
	c.want(Binary("1"), List{65})
	c.want(badarg, Binary("A\x00B"))
	c.want(Binary("C=D"), Binary("B"))
	c.want(Binary("D"), Binary("B=C"))
	c.want(Binary(""), Binary("E"))
	c.want(false, Binary("a"))
	c.want(false, Binary(strings.Repeat("x", 65400)))
	// The largest value that fits, and one more.
	fits := 65535 - 8*(len(c.to)+1) - 6
	c.also(ok, "setenv", Binary("BIG"), Binary(Bytes(fits-30)), 1)
	c.want(Binary(Bytes(fits-30)), Binary("BIG"))
}

func validSetenv(c *caller) {
	c.also(ok, "clearenv")
	c.want(ok, Binary("A"), Binary("1"), 0)
	c.want(ok, Binary("B"), Binary("2"), 1)
	c.environment("A=1", "B=2")
	c.want(ok, Binary("A"), Binary("3"), 0)
	c.environment("A=1", "B=2")
	for _, replace := range []int{1, -1, 7, 1<<31 - 1} {
		c.want(ok, Binary("A"), Binary(fmt.Sprint(replace)), replace)
		c.environment(fmt.Sprint("A=", replace), "B=2")
	}
	c.want(ok, Binary("A"), Binary(strings.Repeat("long", 100)), 1)
	c.environment("A="+strings.Repeat("long", 100), "B=2")
	c.want(ok, Binary("A"), List{}, 1)
	c.environment("A=", "B=2")
	c.want(badarg, Binary("C\x00D"), Binary("x"), 1)
	c.want(badarg, Binary("C"), Binary("x\x00y"), 1)
	c.want(ok, Binary("C\x00"), Binary("x\x00"), 1)
	c.want(errno("einval"), Binary("\x00"), Binary("1"), 1)
	c.environment("A=", "B=2", "C=x")
	c.want(errno("einval"), Binary("A=B"), Binary("1"), 1)
	c.want(errno("einval"), Binary("=A"), Binary("1"), 0)
	c.want(badarg, Binary("D\x00=x"), Binary("1"), 1)
	c.want(ok, Binary("D"), Binary("1"), 1)
	c.environment("A=", "B=2", "C=x", "D=1")
	// A child has its own copy.
	b := c.fork()
	b.want(ok, Binary("A"), Binary("child"), 1)
	b.environment("A=child", "B=2", "C=x", "D=1")
	c.environment("A=", "B=2", "C=x", "D=1")
	c.Exec(b.to, "/usr/bin/env")
	if out := c.Finish(b.to, ExitStatus(b.to, 0)); out != "A=child\nB=2\nC=x\nD=1\n" {
		c.t.Errorf("environment of a program: %q", out)
	}
}

func validUnsetenv(c *caller) {
	c.also(ok, "clearenv")
	for _, name := range []string{"A", "B", "C"} {
		c.also(ok, "setenv", Binary(name), Binary("1"), 1)
	}
	c.want(ok, Binary("NONE"))
	c.want(ok, Binary("B"))
	c.environment("A=1", "C=1")
	c.want(badarg, Binary("A\x00x"))
	c.want(ok, Binary("A"))
	c.environment("C=1")
	c.want(errno("einval"), Binary("C=1"))
	c.want(ok, Binary("C"))
	c.environment()
	c.want(ok, Binary("C"))
}

// cmdline is what ps shows.
func cmdline(c *caller) string {
	Linux(c.t, "/proc")
	c.t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", c.to.Pid()))
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

func validSetproctitle(c *caller) {
	Linux(c.t, "/proc")
	original := cmdline(c)
	title := func(want string, args ...Term) {
		c.t.Helper()
		c.want(ok, args...)
		if got := strings.TrimRight(cmdline(c), "\x00"); got != want {
			c.t.Errorf("setproctitle(%s) shows %q, want %q", Format(List(args)), got, want)
		}
	}
	c.want(ok, Binary("\x00changes nothing"))
	if got := cmdline(c); got != original {
		c.t.Errorf("a title that begins with NUL shows %q", got)
	}
	title("short", Binary("short"))
	if got := cmdline(c); len(got) < len(original) {
		c.t.Errorf("%d bytes of command line, %d before", len(got), len(original))
	}
	title("cut", Binary("cut\x00here"))
	title("100% %s %n", String("100% %s %n"))
	title("from a list", List{Binary("from "), List{97, String(" list")}})
	// Longer than the arguments were: it goes on where the environment was.
	title(Bytes(255), Binary(Bytes(255)))
	title(Bytes(255), Binary(Bytes(1000)))
	title(Bytes(255), Binary(Bytes(65000)))
	// A title as long as the program's name was gets a space, also the name itself.
	title(Program()+" ", List{})
	title("again", Binary("again"))
	title(Program()+" ", Binary(""))
	title(Bytes(len(Program()))+" ", Binary(Bytes(len(Program()))))
	if got := Status(c.to.Pid(), "Name"); got != "alcove" {
		c.t.Errorf("comm is %q", got)
	}
	// The environment and the arguments of the process itself are where they were.
	if got := c.Call(c.to, "getenv", Binary("PATH")); got != Binary(os.Getenv("PATH")) {
		c.t.Errorf("PATH is %s", Format(got))
	}
	c.in(nil).also(c.Pid, "getpid")
	if got := strings.TrimRight(cmdline(c.in(Pipeline{c.Pid})), "\x00"); got != strings.TrimRight(original, "\x00") {
		c.t.Errorf("command line of the parent: %q, want %q", got, original)
	}
}
