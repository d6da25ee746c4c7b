// SPDX-License-Identifier: ISC

package test

import (
	"os"
	"strings"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var someID = arg(uintKind, 0)

var identityCalls = map[string]call{
	// kept: bare replies.
	"getgid": {valid: func(c *caller) {
		c.want(os.Getgid())
		c.with("CAP_SETGID", 6, func(c *caller) { c.also(ok, "setgid", 1<<32-2); c.want(1<<32 - 2) })
	}},
	"getuid": {valid: func(c *caller) {
		c.want(os.Getuid())
		c.with("CAP_SETUID", 7, func(c *caller) { c.also(ok, "setuid", 1<<32-2); c.want(1<<32 - 2) })
	}},
	"getgroups": {valid: validGetgroups},
	"getresgid": {valid: func(c *caller) {
		c.want(okTuple(os.Getgid(), os.Getegid(), os.Getegid()))
		c.with("CAP_SETGID", 6, func(c *caller) {
			c.also(ok, "setresgid", 1, 1<<31, 1<<32-2)
			c.want(okTuple(1, 1<<31, 1<<32-2))
		})
	}},
	"getresuid": {valid: func(c *caller) {
		c.want(okTuple(os.Getuid(), os.Geteuid(), os.Geteuid()))
		c.with("CAP_SETUID", 7, func(c *caller) {
			c.also(ok, "setresuid", 1, 2, 3)
			c.want(okTuple(1, 2, 3))
		})
	}},
	"setgid":    {args: []argument{someID}, valid: validSetgid},
	"setuid":    {args: []argument{someID}, valid: validSetuid},
	"setgroups": {args: []argument{arg(groups, pt.List{})}, valid: validSetgroups},
	"setresgid": {args: []argument{someID, someID, someID}, valid: func(c *caller) { validSetres(c, "getresgid") }},
	"setresuid": {args: []argument{someID, someID, someID}, valid: func(c *caller) { validSetres(c, "getresuid") }},
}

// groups: the tail of a list of numbers is not looked at.
var groups = kind{"nil": accepted, "string": accepted, "list of bytes": accepted, "list of integers": accepted,
	"list of bigs": accepted, "improper list of bytes": accepted}

// kept: getgroups lists the last group first.
func validGetgroups(c *caller) {
	c.need("CAP_SETGID", 6)
	c.also(ok, "setgroups", pt.List{})
	c.want(okTuple(pt.List{}))
	c.also(ok, "setgroups", pt.List{10, 20, 30, 70000})
	c.want(okTuple(pt.Chained{70000, 30, 20, 10}))
	c.also(ok, "setgroups", pt.List{1<<32 - 2})
	c.want(okTuple(pt.List{1<<32 - 2}))
	// More than fit in a reply; the list is sent in pieces that fit in a call.
	many := pt.List{}
	for i := range 8000 {
		many = append(many, 300+i)
	}
	c.also(ok, "setgroups", many)
	c.want(errno("emsgsize"))
	c.also(c.to.Pid(), "getpid")
	c.also(ok, "setgroups", many[:5000])
	want := pt.Chained{}
	for i := range 5000 {
		want = append(want, 5299-i)
	}
	c.want(okTuple(want))
}

func validSetgroups(c *caller) {
	pt.Linux(c.t, "/proc")
	c.need("CAP_SETGID", 6)
	groupsOf := func() string { return strings.TrimSpace(pt.Status(c.to.Pid(), "Groups")) }
	for _, g := range []struct {
		list pt.Term
		want string
	}{
		{pt.List{5, 600}, "5 600"},
		{pt.List{}, ""},
		{pt.String("\x03\x02"), "2 3"},
		{pt.String("\xc8\x80\x7f"), "127 128 200"}, // bettered: D14
		{pt.List{pt.SmallBig(0, 9), 1<<32 - 2}, "9 4294967294"},
		{pt.WithTail(1, 300, 301), "300 301"},
		{pt.Raw("\x6c\x00\x00\x00\x00\x6a"), ""},
	} {
		c.want(ok, g.list)
		if got := groupsOf(); got != g.want {
			c.t.Errorf("setgroups(%s) gives %q, want %q", pt.Format(g.list), got, g.want)
		}
	}
	c.want(errno("einval"), pt.List{1<<32 - 1})
	c.want(badarg, pt.List{300, -1})
	c.want(badarg, pt.List{300, pt.Atom("root")})
	b := c.fork()
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), pt.List{})
}

func validSetgid(c *caller) {
	c.need("CAP_SETGID", 6)
	c.want(errno("einval"), 1<<32-1)
	c.want(ok, 12345)
	c.also(12345, "getgid")
	c.also(okTuple(12345, 12345, 12345), "getresgid")
	b := c.fork()
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), 0)
	b.want(ok, 12345)
}

func validSetuid(c *caller) {
	c.need("CAP_SETUID", 7)
	c.want(errno("einval"), 1<<32-1)
	b := c.fork()
	b.want(ok, 54323)
	b.also(54323, "getuid")
	b.also(okTuple(54323, 54323, 54323), "getresuid")
	b.want(errno("eperm"), 0)
	b.also(errno("eperm"), "setgroups", pt.List{})
	b.also(errno("eacces"), "open", pt.Binary("/etc/shadow"), pt.List{pt.Atom("o_rdonly")}, 0)
	d := b.fork()
	d.also(54323, "getuid")
	c.Exec(d.to, "id", "-u")
	if out := c.Finish(d.to, pt.ExitStatus(d.to, 0)); out != "54323\n" {
		c.t.Errorf("id prints %q", out)
	}
	c.also(0, "getuid")
}

func validSetres(c *caller, get string) {
	c.need("CAP_SETUID", 7)
	c.need("CAP_SETGID", 6)
	const leave = 1<<32 - 1
	b := c.fork()
	b.want(ok, leave, leave, leave)
	b.also(okTuple(0, 0, 0), get)
	b.want(ok, 11, leave, 22)
	b.also(okTuple(11, 0, 22), get)
	b.want(ok, leave, 33, leave)
	b.also(okTuple(11, 33, 22), get)
	b.want(badarg, -1, 0, 0)
	d := c.fork()
	d.also(ok, "setuid", 54321)
	d.want(errno("eperm"), 5, 5, 5)
}
