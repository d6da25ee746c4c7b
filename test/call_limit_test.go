package test

import (
	"syscall"

	. "github.com/alcove-go/alcove/test/porttest"
)

// limits: a record, and nothing else.
var limits = kind{}

var limitCalls = map[string]call{
	"getrlimit":   {args: []argument{arg(oneOf, Atom("rlimit_cpu"))}, valid: validGetrlimit},
	"setrlimit":   {args: []argument{arg(oneOf, Atom("rlimit_cpu")), arg(limits, rlimit(1, 1))}, valid: validSetrlimit},
	"getpriority": {args: []argument{arg(oneOf, Atom("prio_process")), arg(oneOf, 0)}, valid: validGetpriority},
	"setpriority": {args: []argument{arg(oneOf, Atom("prio_process")), arg(oneOf, 0), arg(intKind, 0)}, valid: validSetpriority},
}

func validGetrlimit(c *caller) {
	c.also(ok, "setrlimit", Atom("rlimit_core"), rlimit(0, 4096))
	c.want(okTuple(rlimit(0, 4096)), Atom("rlimit_core"))
	c.want(okTuple(rlimit(0, 4096)), 4)
	c.want(okTuple(rlimit(infinity, infinity)), Atom("rlimit_cpu"))
	c.want(errno("einval"), Atom("rlimit_nlimits"))
	c.want(errno("einval"), 99)
	c.want(errno("einval"), -1)
	c.want(errno("enotsup"), Atom("rlimit_none"))
}

func validSetrlimit(c *caller) {
	for _, l := range []Term{rlimit(1<<40, 1<<50), rlimit(5, 1<<50), rlimit(SmallBig(0, 3), LargeBig(0, 9)), rlimit(0, 0)} {
		c.want(ok, Atom("rlimit_fsize"), l)
	}
	c.also(okTuple(rlimit(0, 0)), "getrlimit", Atom("rlimit_fsize"))
	c.want(ok, Atom("rlimit_core"), LargeTuple{Atom("alcove_rlimit"), 1, 2})
	c.also(okTuple(rlimit(1, 2)), "getrlimit", Atom("rlimit_core"))
	c.want(ok, Atom("rlimit_cpu"), rlimit(1<<31-1, infinity))
	c.want(errno("einval"), Atom("rlimit_core"), rlimit(2, 1))
	c.want(errno("einval"), 99, rlimit(1, 1))
	c.want(errno("enotsup"), Atom("rlimit_none"), rlimit(1, 1))
	for _, wrong := range []Term{Tuple{Atom("rlimit"), 1, 1}, Tuple{Atom("ALCOVE_RLIMIT"), 1, 1}, Tuple{Atom("alcove_rlimit"), 1},
		Tuple{Atom("alcove_rlimit"), 1, 1, 1}, rlimit(-1, 1), rlimit(1, -1), rlimit(Atom("infinity"), 1), rlimit(1, Float(1)),
		List{Atom("alcove_rlimit"), 1, 1}} {
		c.want(badarg, Atom("rlimit_core"), wrong)
	}
	c.asAnother(func(b *caller) {
		b.want(errno("eperm"), Atom("rlimit_core"), rlimit(1, 3))
		b.also(okTuple(rlimit(1, 2)), "getrlimit", Atom("rlimit_core")) // inherited
	})

	// The number of open files: what the children of this process need comes first.
	d := c.fork()
	e := d.fork()
	s := slotOf(c.t, c.Port, e.to)
	d.want(errno("einval"), Atom("rlimit_nofile"), rlimit(5, 1000))
	d.want(errno("einval"), Atom("rlimit_nofile"), rlimit(s.Stderr-1, 1000))
	d.want(errno("einval"), Atom("rlimit_nofile"), rlimit(infinity, infinity))
	d.want(errno("einval"), 7, rlimit(11, 1000))
	d.want(ok, 7, rlimit(48, 1000))
	d.also(7, "getopt", Atom("maxchild"))
	e.also(e.to.Pid(), "getpid")
	c.Exec(e.to, "/bin/sh", "-c", "ulimit -n")
	c.Finish(e.to, ExitStatus(e.to, 0))
	f := d.fork() // inherits the limit
	c.Exec(f.to, "/bin/sh", "-c", "ulimit -n; ulimit -H -n")
	if out := c.Finish(f.to, ExitStatus(f.to, 0)); out != "48\n1000\n" {
		c.t.Errorf("ulimit prints %q", out)
	}
}

func validGetpriority(c *caller) {
	c.need("CAP_SYS_NICE", 23)
	process := Atom("prio_process")
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
	c.want(errno("enotsup"), Atom("prio_none"), Binary(""))
	c.want(errno("enotsup"), process, Atom("prio_none"))
	c.want(badarg, process, 1<<31)
	c.want(badarg, Binary(""), Atom("prio_none"))
	// Names of the table are taken for both arguments.
	c.want(errno("esrch"), Atom("prio_user"), 99999999)
	if r, _ := c.Call(c.to, "getpriority", Atom("PRIO_PROCESS"), Atom("prio_pgrp")).(Tuple); len(r) != 2 {
		c.t.Errorf("getpriority of process 1: %s", Format(r))
	}
}

func validSetpriority(c *caller) {
	c.need("CAP_SYS_NICE", 23)
	process := Atom("prio_process")
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
	c.want(errno("enotsup"), Atom("prio_none"), 0, 0)
	c.want(errno("enotsup"), process, Atom("prio_none"), 0)
	c.want(badarg, process, 0, Atom("prio_user"))
}
