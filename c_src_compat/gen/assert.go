// SPDX-License-Identifier: ISC

package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// headers declare the names of all tables, by system.
var headers = map[string][]string{
	"linux": {
		"errno.h", "fcntl.h", "net/if.h", "netinet/in.h", "poll.h", "sched.h", "signal.h", "sys/epoll.h", "sys/ioctl.h",
		"sys/mman.h", "sys/mount.h", "sys/prctl.h", "sys/resource.h", "sys/socket.h", "sys/stat.h", "sys/syscall.h",
		"sys/wait.h", "time.h", "unistd.h", "linux/audit.h", "linux/futex.h", "linux/if_tun.h", "linux/ptrace.h", "linux/seccomp.h", "linux/serial.h",
		"linux/sockios.h", "linux/capability.h", "linux/landlock.h", "linux/openat2.h", "stdio.h", "sys/eventfd.h",
		"sys/pidfd.h", "sys/random.h", "sys/signalfd.h", "sys/timerfd.h",
	},
	"freebsd": {
		"sys/types.h", "sys/param.h", "sys/capsicum.h", "sys/filio.h", "sys/ioctl.h", "sys/mman.h", "sys/mount.h",
		"sys/procctl.h", "sys/resource.h", "sys/socket.h", "sys/sockio.h", "sys/stat.h", "sys/syscall.h", "sys/sysctl.h",
		"sys/ttycom.h", "sys/umtx.h", "sys/wait.h", "errno.h", "fcntl.h", "net/if.h", "netinet/in.h", "poll.h", "signal.h", "unistd.h",
	},
}

// writeAssertions writes C that compiles only where the headers give every name in a
// table of t the value that the table has. Names that are listed for the table but
// missing from it must not be defined. Of what the program itself uses nothing is
// missed.
func writeAssertions(w io.Writer, s sources, t target) error {
	if !slices.Contains(targets, t) {
		return fmt.Errorf("no tables are generated for %s", t)
	}
	fmt.Fprintf(w, "/* Compiles if the headers of %s agree with the tables. */\n#define _GNU_SOURCE\n", t)
	for _, h := range headers[t.OS] {
		fmt.Fprintf(w, "#include <%s>\n", h)
	}
	for _, tab := range append(slices.Clone(s.Tables), s.Errno) {
		if len(tab.Targets[t]) == 0 {
			continue
		}
		if err := assertTable(w, tab, t); err != nil {
			return err
		}
	}
	own := s.Kernel
	own.Names = slices.DeleteFunc(slices.Clone(own.Names), func(n name) bool {
		return !slices.ContainsFunc(own.Targets[t], func(e entry) bool { return e.Name == n.Name })
	})
	return assertTable(w, own, t)
}

func assertTable(w io.Writer, tab resolved, t target) error {
	present := map[string]int64{}
	for _, e := range tab.Targets[t] {
		present[e.Name] = e.Value
	}
	for _, n := range tab.Names {
		as, ok := n.on(t)
		if !ok {
			as = n.Name
		}
		var err error
		if value, ok := present[n.Name]; ok && mayLack(n.Name, value) {
			_, err = fmt.Fprintf(w, "#ifdef %s\n_Static_assert(%s, \"%s: %s is %d\");\n#endif\n",
				macro(t, as), equals(macro(t, as), value), tab.Name, n.Name, value)
		} else if ok {
			_, err = fmt.Fprintf(w, "_Static_assert(%s, \"%s: %s is %d\");\n",
				equals(macro(t, as), value), tab.Name, n.Name, value)
		} else {
			_, err = fmt.Fprintf(w, "#ifdef %s\n#error %s: %s exists\n#endif\n", macro(t, as), tab.Name, n.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mayLack reports whether headers may not have a name, since it is later than Linux
// 6.1. Newer calls have the same numbers on all machines, except those that only
// one machine has.
func mayLack(name string, value int64) bool {
	const last = 450
	switch name {
	case "sys_uretprobe", "sys_uprobe", "sys_riscv_hwprobe", "landlock_access_fs_truncate":
		return true
	}
	return strings.HasPrefix(name, "sys_") && value > last && value < 1000
}

// equals returns the C expression that compares a macro with its value. The headers of one release
// give bit 31 as an int, which is negative, and those of another as an unsigned int.
func equals(macro string, value int64) string {
	is := fmt.Sprintf("(long long)(%s) == %dLL", macro, value)
	if value < 0 && value >= math.MinInt32 {
		is += fmt.Sprintf(" || (long long)(%s) == %dLL", macro, uint32(value))
	}
	return is
}

// macro returns the C name of a constant.
func macro(t target, name string) string {
	call, ok := strings.CutPrefix(strings.ToLower(name), "sys_")
	switch {
	case !ok:
		return strings.ToUpper(name)
	case t.OS != "linux":
		return "SYS_" + call
	case strings.HasSuffix(call, "syscall_base"): // not a call: where the numbers of arm start
		return "__NR_" + strings.ToUpper(call)
	}
	return "__NR_" + call
}
