// SPDX-License-Identifier: ISC

package test

import (
	"bufio"
	"embed"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// Calls of other systems: undef, once the arity is right.
var otherSystems = map[string]call{
	"cap_constant":     undefCall(1),
	"cap_enter":        undefCall(0),
	"cap_fcntls_get":   undefCall(1),
	"cap_fcntls_limit": undefCall(2),
	"cap_getmode":      undefCall(0),
	"cap_ioctls_limit": undefCall(2),
	"cap_rights_limit": undefCall(2),
	"jail":             undefCall(1),
	"jail_attach":      undefCall(1),
	"jail_remove":      undefCall(1),
	"pledge":           undefCall(2),
	"procctl":          undefCall(4),
	"unveil":           undefCall(2),
}

// kept: undef, after the arity has been checked.
func undefCall(arity int) call {
	var c call
	examples := make([]pt.Term, arity)
	for i := range examples {
		examples[i] = 1
		c.args = append(c.args, arg(anyTerm, 1))
	}
	c.valid = func(c *caller) { c.want(undef, examples...) }
	return c
}

var constantCalls = map[string]call{
	"clone_constant":   constantCall("clone"),
	"fcntl_constant":   constantCall("fcntl"),
	"file_constant":    constantCall("file", "socket", "wait", "prio", "other"),
	"ioctl_constant":   constantCall("ioctl"),
	"mount_constant":   constantCall("mount"),
	"prctl_constant":   constantCall("prctl"),
	"ptrace_constant":  constantCall("ptrace"),
	"rlimit_constant":  constantCall("rlimit"),
	"seccomp_constant": constantCall("seccomp"),
	"signal_constant":  constantCall("signal"),
	"syscall_constant": constantCall("syscall"),
	"errno_id":         {args: []argument{arg(intKind, 2)}, valid: validErrnoID},
}

//go:embed testdata/constants_linux_amd64.txt testdata/system_calls.txt
var testdata embed.FS

// constants returns those of some tables, as the headers of this kind of machine have them.
func constants(t testing.TB, tables ...string) map[string]uint64 {
	t.Helper()
	f, err := testdata.Open("testdata/constants_linux_" + runtime.GOARCH + ".txt")
	if err != nil {
		t.Skipf("no list of constants: %v", err)
	}
	defer f.Close()
	values := map[string]uint64{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if w := strings.Fields(lines.Text()); slices.Contains(tables, w[0]) {
			values[w[1]], err = strconv.ParseUint(w[2], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(values) < 3 {
		t.Fatalf("list of constants %s has %d", tables, len(values))
	}
	return values
}

// constantCall returns a call that gives the value of a name in one of these tables.
func constantCall(tables ...string) call {
	unknown := kind{"atom": pt.Atom("unknown"), "empty atom": pt.Atom("unknown")}
	return call{
		args: []argument{arg(unknown, pt.Atom("x"))},
		valid: func(c *caller) {
			for name, value := range constants(c.t, tables...) {
				c.want(integer(value), pt.Atom(name))
				// kept: names are found in any case.
				c.want(integer(value), pt.Atom(strings.ToUpper(name)))
			}
			// Names of other tables are unknown here.
			for _, other := range []string{"clone_newns", "f_getfd", "o_rdonly", "tcgets", "ms_bind", "pr_set_name",
				"ptrace_cont", "rlimit_cpu", "sigkill", "sys_read", "af_unix", "wnohang", "prio_user", "sys_seccomp",
				"rlim_infinity", "seek_end", "audit_arch_riscv64", "siglost", "__o_sync", "tiocflush", "mnt_rdonly", "pr_set"} {
				if _, listed := constants(c.t, tables...)[other]; !listed {
					c.want(pt.Atom("unknown"), pt.Atom(other))
				}
			}
		},
	}
}

// integer returns v as int if it can be.
func integer(v uint64) pt.Term {
	if v < 1<<63 {
		return int(v)
	}
	return v
}

// errnoNames are the names of the errors by number; what is not there has none.
var errnoNames = func() map[int]string {
	names := map[int]string{}
	for i, s := range strings.Fields(`eperm enoent esrch eintr eio enxio e2big enoexec ebadf echild eagain enomem eacces
		efault enotblk ebusy eexist exdev enodev enotdir eisdir einval enfile emfile enotty etxtbsy efbig enospc espipe
		erofs emlink epipe edom erange edeadlk enametoolong enolck enosys enotempty eloop - enomsg eidrm echrng el2nsync
		el3hlt el3rst elnrng eunatch enocsi el2hlt ebade ebadr exfull enoano ebadrqc ebadslt - ebfont enostr enodata
		etime enosr enonet enopkg eremote enolink eadv esrmnt ecomm eproto emultihop edotdot ebadmsg eoverflow enotuniq
		ebadfd eremchg elibacc elibbad elibscn elibmax elibexec - - - eusers enotsock edestaddrreq emsgsize eprototype
		enoprotoopt eprotonosupport esocktnosupport enotsup epfnosupport eafnosupport eaddrinuse eaddrnotavail enetdown
		enetunreach enetreset econnaborted econnreset enobufs eisconn enotconn eshutdown etoomanyrefs etimedout
		econnrefused ehostdown ehostunreach ealready einprogress estale euclean enotnam enavail - eremoteio edquot - -
		- - - - - eownerdead enotrecoverable`) {
		if s != "-" {
			names[i+1] = s
		}
	}
	return names
}()

func validErrnoID(c *caller) {
	for n := -2; n <= 140; n++ {
		name, known := errnoNames[n]
		if !known {
			name = "unknown"
		}
		c.want(pt.Atom(name), n)
	}
	for _, n := range []int{0, 512, 1000, -1 << 31, 1<<31 - 1, 11 + 256, 11 + 65536} {
		c.want(pt.Atom("unknown"), n)
	}
}

func TestErrnoListHasTheEntriesThatTheProtocolNames(t *testing.T) {
	for n, want := range map[int]string{1: "eperm", 35: "edeadlk", 40: "eloop", 42: "enomsg", 59: "ebfont", 83: "elibexec",
		87: "eusers", 95: "enotsup", 119: "enavail", 121: "eremoteio", 122: "edquot", 130: "eownerdead", 131: "enotrecoverable"} {
		if errnoNames[n] != want {
			t.Errorf("error %d is %q here, want %q", n, errnoNames[n], want)
		}
	}
	if n := len(errnoNames); n != 118 {
		t.Errorf("%d names, want 118: %s", n, fmt.Sprint(errnoNames))
	}
}
