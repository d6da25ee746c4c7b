// SPDX-License-Identifier: ISC

package test

import (
	"syscall"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// limits: a record, and nothing else.
var limits = kind{}

var limitCalls = map[string]call{
	"getrlimit":   {args: []argument{arg(oneOf, pt.Atom("rlimit_cpu"))}, valid: validGetrlimit},
	"setrlimit":   {args: []argument{arg(oneOf, pt.Atom("rlimit_cpu")), arg(limits, rlimit(1, 1))}, valid: validSetrlimit},
	"getpriority": {args: []argument{arg(oneOf, pt.Atom("prio_process")), arg(oneOf, 0)}, valid: validGetpriority},
	"setpriority": {args: []argument{arg(oneOf, pt.Atom("prio_process")), arg(oneOf, 0), arg(intKind, 0)}, valid: validSetpriority},
}

func validGetrlimit(c *caller) {
	c.also(ok, "setrlimit", pt.Atom("rlimit_core"), rlimit(0, 4096))
	c.want(okTuple(rlimit(0, 4096)), pt.Atom("rlimit_core"))
	c.want(okTuple(rlimit(0, 4096)), 4)
	c.want(okTuple(rlimit(infinity, infinity)), pt.Atom("rlimit_cpu"))
	c.want(errno("einval"), pt.Atom("rlimit_nlimits"))
	c.want(errno("einval"), 99)
	c.want(errno("einval"), -1)
	c.want(errno("enotsup"), pt.Atom("rlimit_none"))
}

func validSetrlimit(c *caller) {
	for _, l := range []pt.Term{rlimit(1<<40, 1<<50), rlimit(5, 1<<50), rlimit(pt.SmallBig(0, 3), pt.LargeBig(0, 9)), rlimit(0, 0)} {
		c.want(ok, pt.Atom("rlimit_fsize"), l)
	}
	c.also(okTuple(rlimit(0, 0)), "getrlimit", pt.Atom("rlimit_fsize"))
	c.want(ok, pt.Atom("rlimit_core"), pt.LargeTuple{pt.Atom("alcove_rlimit"), 1, 2})
	c.also(okTuple(rlimit(1, 2)), "getrlimit", pt.Atom("rlimit_core"))
	c.want(ok, pt.Atom("rlimit_cpu"), rlimit(1<<31-1, infinity))
	c.want(errno("einval"), pt.Atom("rlimit_core"), rlimit(2, 1))
	c.want(errno("einval"), 99, rlimit(1, 1))
	c.want(errno("enotsup"), pt.Atom("rlimit_none"), rlimit(1, 1))
	for _, wrong := range []pt.Term{pt.Tuple{pt.Atom("rlimit"), 1, 1}, pt.Tuple{pt.Atom("ALCOVE_RLIMIT"), 1, 1}, pt.Tuple{pt.Atom("alcove_rlimit"), 1},
		pt.Tuple{pt.Atom("alcove_rlimit"), 1, 1, 1}, rlimit(-1, 1), rlimit(1, -1), rlimit(pt.Atom("infinity"), 1), rlimit(1, pt.Float(1)),
		pt.List{pt.Atom("alcove_rlimit"), 1, 1}} {
		c.want(badarg, pt.Atom("rlimit_core"), wrong)
	}
	c.asAnother(func(b *caller) {
		b.want(errno("eperm"), pt.Atom("rlimit_core"), rlimit(1, 3))
		b.also(okTuple(rlimit(1, 2)), "getrlimit", pt.Atom("rlimit_core")) // inherited
	})

	// The number of open files: what the children of this process need comes first.
	d := c.fork()
	e := d.fork()
	s := slotOf(c.t, c.Port, e.to)
	d.want(errno("einval"), pt.Atom("rlimit_nofile"), rlimit(5, 1000))
	d.want(errno("einval"), pt.Atom("rlimit_nofile"), rlimit(s.Stderr-1, 1000))
	d.want(errno("einval"), pt.Atom("rlimit_nofile"), rlimit(infinity, infinity))
	d.want(errno("einval"), 7, rlimit(11, 1000))
	d.want(ok, 7, rlimit(48, 1000))
	d.also(7, "getopt", pt.Atom("maxchild"))
	e.also(e.to.Pid(), "getpid")
	c.Exec(e.to, "/bin/sh", "-c", "ulimit -n")
	c.Finish(e.to, pt.ExitStatus(e.to, 0))
	f := d.fork() // inherits the limit
	c.Exec(f.to, "/bin/sh", "-c", "ulimit -n; ulimit -H -n")
	if out := c.Finish(f.to, pt.ExitStatus(f.to, 0)); out != "48\n1000\n" {
		c.t.Errorf("ulimit prints %q", out)
	}
}

func validGetpriority(c *caller) {
	c.need("CAP_SYS_NICE", 23)
	process := pt.Atom("prio_process")
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	c.want(okTuple(20-own), process, 0) // the system call counts from 40 down
	for _, nice := range []int{-20, -1, 1, 19} {
		c.also(ok, "setpriority", process, 0, nice)
		c.want(okTuple(nice), process, 0)
		c.want(okTuple(nice), 0, c.to.Pid())
	}
	c.want(errno("esrch"), process, 99999999)
	c.want(errno("einval"), 99, 0)
	c.want(errno("enotsup"), pt.Atom("prio_none"), pt.Binary(""))
	c.want(errno("enotsup"), process, pt.Atom("prio_none"))
	c.want(badarg, process, 1<<31)
	c.want(badarg, pt.Binary(""), pt.Atom("prio_none"))
	// Names of the table are taken for both arguments.
	c.want(errno("esrch"), pt.Atom("prio_user"), 99999999)
	if r, _ := c.Call(c.to, "getpriority", pt.Atom("PRIO_PROCESS"), pt.Atom("prio_pgrp")).(pt.Tuple); len(r) != 2 {
		c.t.Errorf("getpriority of process 1: %s", pt.Format(r))
	}
}

func validSetpriority(c *caller) {
	c.need("CAP_SYS_NICE", 23)
	process := pt.Atom("prio_process")
	for nice, want := range map[int]int{5: 5, -5: -5, 100: 19, -100: -20, 1<<31 - 1: 19, -1 << 31: -20} {
		c.want(ok, process, 0, nice)
		c.also(okTuple(want), "getpriority", process, 0)
	}
	b := c.fork()
	b.also(okTuple(c.Int(c.to, "getpriority", process, 0)), "getpriority", process, 0)
	c.want(ok, process, b.to.Pid(), 3)
	b.also(okTuple(3), "getpriority", process, 0)
	b.also(ok, "setuid", 54321)
	b.want(errno("eacces"), process, 0, 0)
	b.want(errno("eperm"), process, c.to.Pid(), 19)
	b.want(ok, process, 0, 4)
	c.want(errno("esrch"), process, 99999999, 0)
	c.want(errno("einval"), -1, 0, 0)
	c.want(errno("enotsup"), pt.Atom("prio_none"), 0, 0)
	c.want(errno("enotsup"), process, pt.Atom("prio_none"), 0)
	c.want(badarg, process, 0, pt.Atom("prio_user"))
}
