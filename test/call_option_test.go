// SPDX-License-Identifier: ISC

package test

import (
	"os"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var optionCalls = map[string]call{
	"filter": {args: []argument{arg(filters, pt.Binary("")), arg(filters, pt.Binary(""))}, valid: validFilter},
	"getopt": {args: []argument{arg(kind{"atom": false, "empty atom": false}, pt.Atom("maxchild"))}, valid: validGetopt},
	"setcpid": {args: []argument{arg(uintKind, 99999999), arg(atomKind, pt.Atom("flowcontrol")), arg(intKind, 0)},
		valid: validSetcpid},
	"setopt":        {args: []argument{arg(atomKind, pt.Atom("flowcontrol")), arg(intKind, 0)}, valid: validSetopt},
	"iolist_to_bin": {args: []argument{arg(iolistKind, pt.Binary("x"))}, valid: validIolistToBin},
	"version":       {valid: func(c *caller) { c.want(pt.Binary("1.0.1")) }},
}

// filters: binaries of at most 16 bytes.
var filters = without(binaryKind, "binary of 4096 bytes", "binary of 65400 bytes")

func validIolistToBin(c *caller) {
	// decided: a list of no elements ends an iolist as the empty list does. No VM sends one.
	c.want(pt.Binary("a"), pt.Raw("\x6c\x00\x00\x00\x01\x61a\x6c\x00\x00\x00\x00\x6a"))
	c.want(pt.Binary(""), pt.List{})
	c.want(pt.Binary(""), pt.Binary(""))
	c.want(pt.Binary("abc"), pt.List{97, pt.List{pt.Binary("b"), pt.String("c")}})
	// kept: a reply that is one term and does not fit is badarg.
	fits := 65535 - 8*(len(c.to)+1) - 6
	c.want(pt.Binary(pt.Bytes(fits)), pt.Binary(pt.Bytes(fits)))
	c.want(badarg, pt.Binary(pt.Bytes(fits+1)))
}

func validFilter(c *caller) {
	none, uid, gid := pt.Binary(""), os.Getuid(), os.Getgid()
	c.want(ok, none, none)
	c.want(badarg, pt.List{}, none)
	c.want(badarg, filterOf("getuid"), pt.List{})
	c.want(badarg, filterOf("getuid"), pt.Binary("12345678901234567"))
	c.also(uid, "getuid") // nothing was applied
	c.want(ok, pt.Binary("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xf0\xff\xff\xff"), none)
	c.want(ok, filterOf("getuid"), filterOf("getgid"))
	c.also(undef, "getuid")
	c.also(gid, "getgid")
	// Bits are added, never taken away.
	c.want(ok, filterOf("getpgrp"), none)
	c.also(undef, "getuid")
	c.also(undef, "getpgrp")
	// A child has the filter for subprocesses, and not that of its parent.
	b := c.fork()
	b.also(uid, "getuid")
	b.also(undef, "getgid")
	b.want(ok, none, filterOf("getuid"))
	b.also(uid, "getuid")
	d := b.fork()
	d.also(undef, "getuid")
	d.also(undef, "getgid")
	e := d.in(c.Clone(d.to))
	e.also(undef, "getuid")
	e.also(undef, "getgid")
	// Also these.
	c.want(ok, filterOf("filter", "exit", "execvp", "fork"), none)
	c.want(undef, none, none)
	c.also(undef, "exit", 0)
	c.also(undef, "fork")
	c.also(undef, "execvp", pt.Binary("true"), argv("true"))
	c.also(c.to.Pid(), "getpid")
}

func validGetopt(c *caller) {
	for name, want := range map[string]int{"exit_status": 1, "termsig": 1, "flowcontrol": -1, "signaloneof": 15, "maxforkdepth": 16,
		"stdin_closed": 0, "stdout_closed": 0, "stderr_closed": 0, "maxchild": 64} {
		c.want(want, pt.Atom(name))
	}
	for _, name := range []string{"depth", "sigchld", "EXIT_STATUS", "exit_status ", ""} {
		c.want(false, pt.Atom(name))
	}
}

func validSetopt(c *caller) {
	for _, o := range []struct {
		name             string
		set, reply, then pt.Term
	}{
		{"exit_status", 0, true, 0}, {"exit_status", 7, true, 1}, {"termsig", 0, true, 0}, {"termsig", 1, true, 1},
		{"stdin_closed", 5, true, 1}, {"stdout_closed", 1, true, 1}, {"stderr_closed", 1, true, 1}, {"stdin_closed", 0, true, 0},
		{"flowcontrol", 0, true, 0}, {"flowcontrol", -7, true, -1}, {"flowcontrol", 1<<31 - 1, true, 1<<31 - 1},
		{"flowcontrol", -1 << 31, true, -1},
		{"signaloneof", 9, true, 9}, {"signaloneof", 0, true, 0}, {"signaloneof", 255, true, 255}, {"signaloneof", 1000, true, 255},
		{"maxforkdepth", 0, true, 0}, {"maxforkdepth", 300, true, 255}, {"maxforkdepth", 16, true, 16},
		{"maxchild", 10, true, 10}, {"maxchild", 0, true, 0}, {"maxchild", 65536, false, 0}, {"maxchild", 1<<31 - 1, false, 0},
		{"maxchild", 64, true, 64},
		{"exit_status", -1, badarg, 1}, {"signaloneof", -1, badarg, 255}, {"maxchild", -1, badarg, 64}, {"maxforkdepth", -1, badarg, 16},
		{"nosuchoption", 1, false, false}, {"nosuchoption", -1, badarg, false}, {"FLOWCONTROL", 1, false, false},
	} {
		c.want(o.reply, pt.Atom(o.name), o.set)
		c.also(o.then, "getopt", pt.Atom(o.name))
	}
	c.want(badarg, pt.Atom("nosuchoption"), pt.Binary(""))
	// A child starts with a copy.
	b := c.fork()
	b.also(0, "getopt", pt.Atom("stdin_closed"))
	b.also(1, "getopt", pt.Atom("stdout_closed"))
	b.want(true, pt.Atom("stdout_closed"), 0)
	c.also(1, "getopt", pt.Atom("stdout_closed"))
}

func validSetcpid(c *caller) {
	b := c.fork()
	for _, s := range []struct {
		option     string
		value      int
		reply      pt.Term
		flow, sign int
	}{
		{"flowcontrol", 5, true, 5, 15}, {"flowcontrol", -9, true, -1, 15}, {"flowcontrol", 0, true, 0, 15},
		{"signaloneof", 9, true, 0, 9}, {"signaloneof", 300, true, 0, 255}, {"signaloneof", 0, true, 0, 0},
		{"signaloneof", -1, badarg, 0, 0}, {"nosuchoption", 1, false, 0, 0}, {"nosuchoption", -1, badarg, 0, 0},
		{"fdctl", 1, false, 0, 0}, {"stdin", 1, false, 0, 0}, {"FLOWCONTROL", 1, false, 0, 0},
	} {
		c.want(s.reply, b.to.Pid(), pt.Atom(s.option), s.value)
		if got := slotOf(c.t, c.Port, b.to); got.Flow != s.flow || got.SignalOnEOF != s.sign {
			c.t.Errorf("setcpid(%s, %d): %+v", s.option, s.value, got)
		}
	}
	for _, pid := range []int{0, 1, 99999999, 1 << 31, 1<<32 - 1} {
		c.want(true, pid, pt.Atom("flowcontrol"), 1)
	}
	c.want(badarg, -1, pt.Atom("flowcontrol"), 1)
}
