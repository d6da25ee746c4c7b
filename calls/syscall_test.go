//go:build linux

// SPDX-License-Identifier: ISC

package calls

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

var einval = errorTuple("einval")

func native64(v ...uint64) pt.Binary {
	var b []byte
	for _, n := range v {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return pt.Binary(b)
}

func TestSystemCallsAreMadeByNameAndNumber(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	fd, pid := int(f.Fd()), os.Getpid()
	if _, err := f.WriteString("contents"); err != nil {
		t.Fatal(err)
	}
	a := extended()
	for _, test := range []struct {
		name   string
		number pt.Term
		args   pt.Tuple
		want   pt.Term
	}{
		{"by name", pt.Atom("sys_getpid"), pt.Tuple{}, made(pid)},
		{"by number", unix.SYS_GETPID, pt.Tuple{}, made(pid)},
		{"names are found in any case", pt.Atom("SYS_GETPID"), pt.Tuple{}, made(pid)},
		{"an error", pt.Atom("sys_close"), pt.Tuple{1 << 20}, errorTuple("ebadf")},
		{"memory is written", pt.Atom("sys_pread64"), pt.Tuple{fd, pt.Binary("12345678"), 4, 2}, made(4, fd, pt.Binary("nten5678"), 4, 2)},
		{"memory is read", pt.Atom("sys_pwrite64"), pt.Tuple{fd, pt.Binary("CON"), 3, 0}, made(3, fd, pt.Binary("CON"), 3, 0)},
		{"a structure and what it points to", pt.Atom("sys_preadv"),
			pt.Tuple{fd, pt.List{ptr(3), native64(3), ptr(pt.Binary("12345")), native64(5)}, 2, 0, 0},
			made(8, fd, pt.List{ptr(pt.Binary("CON")), native64(3), ptr(pt.Binary("tents")), native64(5)}, 2, 0, 0)},
		{"names of constants", pt.Atom("sys_fcntl"), pt.Tuple{fd, pt.Atom("f_getfd"), pt.List{}}, made(1, fd, 1, 0)},
		{"a list of names", pt.Atom("sys_openat"), pt.Tuple{pt.Atom("at_fdcwd"), pt.Binary("/no/such\x00"), pt.List{pt.Atom("o_rdwr"), pt.Atom("o_cloexec")}, 0},
			errorTuple("enoent")},
		{"negative numbers", pt.Atom("sys_lseek"), pt.Tuple{fd, -2, pt.Atom("seek_end")}, made(6, fd, -2, 2)},
		{"the largest numbers", pt.Atom("sys_getpid"), pt.Tuple{^uint64(0), uint64(1 << 63)}, made(pid, -1, minInt64)},
		{"six arguments", pt.Atom("sys_getpid"), pt.Tuple{1, 2, 3, 4, 5, 6}, made(pid, 1, 2, 3, 4, 5, 6)},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, a.ask(nrSyscall, test.number, test.args), test.want)
		})
	}
}

const minInt64 = -1 << 63

func TestArgumentsOfSystemCallsThatAreNone(t *testing.T) {
	for _, test := range []struct {
		name   string
		number pt.Term
		args   pt.Term
		want   pt.Term
	}{
		{"no such name", pt.Atom("sys_zip"), pt.Tuple{}, errorTuple("enotsup")},
		{"a name without the prefix", pt.Atom("getpid"), pt.Tuple{}, errorTuple("enotsup")},
		{"a name of the table that is no call", pt.Atom("audit_arch_x86_64"), pt.Tuple{}, einval},
		{"a negative number", -1, pt.Tuple{}, einval},
		{"a number that nobody knows", 4000, pt.Tuple{}, einval},
		{"a number of x32", 0x40000000 + unix.SYS_GETPID, pt.Tuple{}, einval},
		{"a number of the private calls of arm", 0xf0005, pt.Tuple{}, einval},
		{"a number beyond 32 bits", 1<<32 + unix.SYS_GETPID, pt.Tuple{}, einval},
		{"a list of arguments", pt.Atom("sys_getpid"), pt.List{}, badarg},
		{"seven arguments", pt.Atom("sys_getpid"), pt.Tuple{1, 2, 3, 4, 5, 6, 7}, badarg},
		{"no such constant", pt.Atom("sys_getpid"), pt.Tuple{pt.Atom("zip")}, errorTuple("enotsup")},
		{"no such constant in a list", pt.Atom("sys_getpid"), pt.Tuple{pt.List{pt.Atom("o_rdwr"), pt.Atom("zip")}}, errorTuple("enotsup")},
		{"a list of bytes", pt.Atom("sys_getpid"), pt.Tuple{pt.String("ab")}, badarg},
		{"a float", pt.Atom("sys_getpid"), pt.Tuple{pt.Float(1)}, badarg},
		{"a tuple", pt.Atom("sys_getpid"), pt.Tuple{pt.Tuple{pt.Atom("ptr"), 1}}, badarg},
		{"a number beyond 64 bits", pt.Atom("sys_getpid"), pt.Tuple{pt.SmallBig(0, 0, 0, 0, 0, 0, 0, 0, 0, 1)}, badarg},
		{"a number below 64 bits", pt.Atom("sys_getpid"), pt.Tuple{pt.SmallBig(1, 1, 0, 0, 0, 0, 0, 0, 0x80)}, badarg},
		{"a pointer of a negative size", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(-1)}}, badarg},
		{"a pointer of a large size", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(65536)}}, badarg},
		{"much memory behind pointers", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(65535), ptr(1)}}, badarg},
		{"much memory behind pointers of pointers", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(pt.List{ptr(65535)}), ptr(1)}}, badarg},
		{"four levels", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(pt.List{ptr(pt.List{ptr(pt.List{pt.Binary("x")})})})}}, badarg},
		{"an empty structure inside", pt.Atom("sys_getpid"), pt.Tuple{pt.List{ptr(pt.List{})}}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, extended().ask(nrSyscall, test.number, test.args), test.want)
		})
	}
}

// sendmsg(2) with everything that a message can have: a name, two pieces, and all of it behind
// pointers.
func TestStructuresPointToStructures(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	message := func(one, two pt.Term) pt.Term {
		pieces := pt.List{ptr(one), native64(5), ptr(two), native64(7)}
		return pt.List{native64(0, 0), ptr(pieces), native64(2, 0, 0, 0)}
	}
	a := extended()
	sent := message(pt.Binary("hello"), pt.Binary(", world"))
	want(t, a.ask(nrSyscall, pt.Atom("sys_sendmsg"), pt.Tuple{fds[0], sent, 0}), made(12, fds[0], sent, 0))
	want(t, a.ask(nrSyscall, pt.Atom("sys_recvmsg"), pt.Tuple{fds[1], message(5, 7), 0}), made(12, fds[1], sent, 0))
}

// Each piece of memory is where its pointer says, whatever surrounds it.
func TestPartsOfNestedStructuresKeepTheirPlaces(t *testing.T) {
	a := extended()
	odd := pt.Binary(strings.Repeat("x", 13))
	s := pt.List{
		pt.Binary("a"),
		ptr(pt.List{odd, ptr(pt.List{ptr(pt.Binary("deep")), pt.Binary("er")}), ptr(3)}),
		ptr(odd), ptr(0),
		ptr(pt.List{pt.Binary("last")}),
	}
	after := pt.List{
		pt.Binary("a"),
		ptr(pt.List{odd, ptr(pt.List{ptr(pt.Binary("deep")), pt.Binary("er")}), ptr(pt.Binary("\x00\x00\x00"))}),
		ptr(odd), pt.Binary(make([]byte, wordSize)),
		ptr(pt.List{pt.Binary("last")}),
	}
	want(t, a.ask(nrSyscall, pt.Atom("sys_getpid"), pt.Tuple{s, odd, s}), made(os.Getpid(), after, odd, after))
}

// mask returns a set of signals, and a size where that belongs to it.
func mask(signals ...uint) pt.Binary {
	var v uint64
	for _, s := range signals {
		v |= 1 << (s - 1)
	}
	return native64(v)
}

func TestSystemCallsThatWouldHarmTheProcessAreRefused(t *testing.T) {
	type refusal struct {
		name string
		args pt.Tuple
	}
	all := []refusal{}
	for _, name := range []string{
		"fork", "vfork", "clone", "clone3", "execve", "execveat", "exit",
		"rt_sigaction", "rt_sigprocmask", "sigaltstack", "rt_sigreturn", "uretprobe", "uprobe",
		"mmap", "munmap", "mremap", "mprotect", "pkey_mprotect", "madvise", "process_madvise", "remap_file_pages",
		"mseal", "map_shadow_stack", "brk", "shmat", "shmdt", "arch_prctl", "set_thread_area", "modify_ldt",
		"set_tid_address", "set_robust_list", "rseq", "userfaultfd", "vmsplice",
		"io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
		"io_uring_setup", "io_uring_enter", "io_uring_register", "wait4",
	} {
		all = append(all, refusal{name, pt.Tuple{}}, refusal{name, pt.Tuple{0, 0, 0, 0, 0, 0}})
	}
	for fd := range 6 {
		all = append(all,
			refusal{"close", pt.Tuple{fd}}, refusal{"close", pt.Tuple{fd + 1<<32}}, refusal{"fcntl", pt.Tuple{fd, 1, 0}},
			refusal{"dup2", pt.Tuple{100, fd}}, refusal{"dup3", pt.Tuple{100, fd, 0}},
			refusal{"close_range", pt.Tuple{fd, 100, 0}}, refusal{"close_range", pt.Tuple{0, fd, 0}})
		if fd == 2 {
			continue
		}
		for _, name := range []string{
			"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
			"recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "sendfile", "tee", "splice",
			"copy_file_range",
		} {
			all = append(all, refusal{name, pt.Tuple{fd, 0, 0, 0, 0, 0}})
		}
		all = append(all, refusal{"sendfile", pt.Tuple{100, fd, 0, 0}}, refusal{"tee", pt.Tuple{100, fd, 0, 0}},
			refusal{"splice", pt.Tuple{100, 0, fd, 0, 0, 0}}, refusal{"copy_file_range", pt.Tuple{100, 0, fd, 0, 0, 0}})
	}
	const zerocopy = 0x4000000
	all = append(all,
		refusal{"sendto", pt.Tuple{100, pt.Binary("x"), 1, zerocopy, 0, 0}},
		refusal{"sendmsg", pt.Tuple{100, pt.Binary("x"), zerocopy}},
		refusal{"sendmmsg", pt.Tuple{100, pt.Binary("x"), 1, zerocopy}},
		refusal{"prctl", pt.Tuple{pt.Atom("pr_set_mm"), 0, 0, 0, 0}}, refusal{"prctl", pt.Tuple{59, 1, 0, 0, 0}},
		refusal{"prctl", pt.Tuple{55, 1, 0, 0, 0}}, refusal{"prctl", pt.Tuple{75, 1, 0, 0, 0}}, refusal{"prctl", pt.Tuple{76, 1, 0, 0, 0}},
		refusal{"waitid", pt.Tuple{0, 0, 0, 4, 0}},
		refusal{"setrlimit", pt.Tuple{pt.Atom("rlimit_nofile"), native64(10, 10)}},
		refusal{"prlimit64", pt.Tuple{0, pt.Atom("rlimit_nofile"), native64(10, 10), 0}},
		refusal{"prlimit64", pt.Tuple{os.Getpid(), pt.Atom("rlimit_nofile"), native64(10, 10), 0}},
		refusal{"rt_sigsuspend", pt.Tuple{0, 8}}, refusal{"rt_sigtimedwait", pt.Tuple{0, 0, 0, 8}})
	for _, signo := range []uint{17, 29, 11, 7, 8, 4, 5} {
		m := mask(10, signo)
		all = append(all,
			refusal{"rt_sigsuspend", pt.Tuple{m, 8}}, refusal{"rt_sigtimedwait", pt.Tuple{m, 0, 0, 8}},
			refusal{"signalfd", pt.Tuple{-1, m, 8}}, refusal{"signalfd4", pt.Tuple{-1, m, 8, 0}},
			refusal{"ppoll", pt.Tuple{0, 0, native64(0, 0), m, 8}}, refusal{"epoll_pwait", pt.Tuple{-1, pt.Binary("x"), 1, 0, m, 8}},
			refusal{"epoll_pwait2", pt.Tuple{-1, pt.Binary("x"), 1, native64(0, 0), m, 8}},
			refusal{"pselect6", pt.Tuple{0, 0, 0, 0, native64(0, 0), pt.List{ptr(m), native64(8)}}})
	}
	// A mask that cannot be looked at.
	all = append(all,
		refusal{"ppoll", pt.Tuple{0, 0, native64(0, 0), 4096, 8}}, refusal{"signalfd", pt.Tuple{-1, 4096, 8}},
		refusal{"pselect6", pt.Tuple{0, 0, 0, 0, native64(0, 0), 4096}},
		refusal{"pselect6", pt.Tuple{0, 0, 0, 0, native64(0, 0), native64(4096, 8)}})
	for _, r := range all {
		name := pt.Atom("sys_" + r.name)
		if _, known := find(syscallConstants, []byte(name)); !known {
			continue // a call of other machines, or another name for one
		}
		if got := extended().ask(nrSyscall, name, r.args); pt.Format(got) != pt.Format(einval) {
			t.Errorf("%s %s: %s", r.name, pt.Format(r.args), pt.Format(got))
		}
	}
}

// Calls that are refused for some arguments are made with others.
func TestSystemCallsThatHarmNobodyAreMade(t *testing.T) {
	null := devNull(t)
	a := extended()
	soon := native64(0, 0)
	for _, test := range []struct {
		name string
		args pt.Tuple
		want pt.Term
	}{
		{"close", pt.Tuple{1 << 20}, errorTuple("ebadf")},
		{"dup3", pt.Tuple{null, 1000, pt.Atom("o_cloexec")}, made(1000, null, 1000, unix.O_CLOEXEC)},
		{"fcntl", pt.Tuple{1000, pt.Atom("f_getfd"), 0}, made(1, 1000, 1, 0)},
		{"close_range", pt.Tuple{1000, 1010, 0}, made(0, 1000, 1010, 0)},
		{"write", pt.Tuple{null, pt.Binary("x"), 1}, made(1, null, pt.Binary("x"), 1)},
		{"sendto", pt.Tuple{null, pt.Binary("x"), 1, 0, 0, 0}, errorTuple("enotsock")},
		{"ppoll", pt.Tuple{0, 0, soon, mask(10), 8}, made(0, 0, 0, soon, mask(10), 8)},
		{"ppoll", pt.Tuple{0, 0, soon, pt.List{}, 8}, made(0, 0, 0, soon, 0, 8)},
		{"pselect6", pt.Tuple{0, 0, 0, 0, soon, pt.List{ptr(mask(10)), native64(8)}},
			made(0, 0, 0, 0, 0, soon, pt.List{ptr(mask(10)), native64(8)})},
		{"pselect6", pt.Tuple{0, 0, 0, 0, soon, 0}, made(0, 0, 0, 0, 0, soon, 0)},
		{"prctl", pt.Tuple{pt.Atom("pr_get_dumpable"), 0, 0, 0, 0}, nil},
		{"prlimit64", pt.Tuple{0, pt.Atom("rlimit_nofile"), 0, native64(0, 0)}, nil},
		{"prlimit64", pt.Tuple{1 << 22, pt.Atom("rlimit_nofile"), native64(1, 1), 0}, errorTuple("esrch")},
		{"waitid", pt.Tuple{0, 0, 0, pt.List{pt.Atom("wexited"), pt.Atom("wnowait")}, 0}, errorTuple("echild")},
	} {
		got := a.ask(nrSyscall, pt.Atom("sys_"+test.name), test.args)
		if test.want == nil {
			if reply, _ := got.(pt.Tuple); len(reply) != 3 || reply[0] != done {
				t.Errorf("%s %s: %s", test.name, pt.Format(test.args), pt.Format(got))
			}
			continue
		}
		want(t, got, test.want)
	}
}

// Whatever the arguments of a system call are, the reply is one term that fits.
func FuzzSyscall(f *testing.F) {
	for _, args := range []pt.Term{
		pt.Tuple{}, pt.Tuple{1, -1, 1 << 62, pt.Atom("o_rdwr"), pt.List{}, pt.Binary("x")},
		pt.Tuple{pt.List{pt.Binary("abcd"), ptr(5), ptr(pt.Binary("x"))}},
		pt.Tuple{pt.List{ptr(pt.List{ptr(pt.List{pt.Binary("x"), ptr(0)}), ptr(7)})}},
		pt.Tuple{improper(1, ptr(improper(pt.Float(1), pt.Binary("x"))))},
		pt.Tuple{pt.List{ptr(pt.List{ptr(pt.List{ptr(pt.List{})})})}},
	} {
		f.Add(pt.Encode(args)[1:])
	}
	call := pt.Encode(pt.Tuple{pt.Atom("sys_getpid"), 0})
	f.Fuzz(func(t *testing.T, args []byte) {
		if len(args) > 65000 {
			t.Skip()
		}
		a := extended()
		reply := a.answer(nrSyscall, append(append(call[:len(call)-2:len(call)-2], args...), 0, 0))
		if len(reply) > a.p.ReplyLimit() {
			t.Errorf("the reply has %d bytes", len(reply))
		}
		if _, err := pt.Decode(reply); err != nil {
			t.Error(err)
		}
	})
}
