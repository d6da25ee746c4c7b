//go:build linux

package calls

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
	"golang.org/x/sys/unix"
)

var einval = errorTuple("einval")

func native64(v ...uint64) Binary {
	var b []byte
	for _, n := range v {
		b = binary.NativeEndian.AppendUint64(b, n)
	}
	return Binary(b)
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
		number Term
		args   Tuple
		want   Term
	}{
		{"by name", Atom("sys_getpid"), Tuple{}, made(pid)},
		{"by number", unix.SYS_GETPID, Tuple{}, made(pid)},
		{"names are found in any case", Atom("SYS_GETPID"), Tuple{}, made(pid)},
		{"an error", Atom("sys_close"), Tuple{1 << 20}, errorTuple("ebadf")},
		{"memory is written", Atom("sys_pread64"), Tuple{fd, Binary("12345678"), 4, 2}, made(4, fd, Binary("nten5678"), 4, 2)},
		{"memory is read", Atom("sys_pwrite64"), Tuple{fd, Binary("CON"), 3, 0}, made(3, fd, Binary("CON"), 3, 0)},
		{"a structure and what it points to", Atom("sys_preadv"),
			Tuple{fd, List{ptr(3), native64(3), ptr(Binary("12345")), native64(5)}, 2, 0, 0},
			made(8, fd, List{ptr(Binary("CON")), native64(3), ptr(Binary("tents")), native64(5)}, 2, 0, 0)},
		{"names of constants", Atom("sys_fcntl"), Tuple{fd, Atom("f_getfd"), List{}}, made(1, fd, 1, 0)},
		{"a list of names", Atom("sys_openat"), Tuple{Atom("at_fdcwd"), Binary("/no/such\x00"), List{Atom("o_rdwr"), Atom("o_cloexec")}, 0},
			errorTuple("enoent")},
		{"negative numbers", Atom("sys_lseek"), Tuple{fd, -2, Atom("seek_end")}, made(6, fd, -2, 2)},
		{"the largest numbers", Atom("sys_getpid"), Tuple{^uint64(0), uint64(1 << 63)}, made(pid, -1, minInt64)},
		{"six arguments", Atom("sys_getpid"), Tuple{1, 2, 3, 4, 5, 6}, made(pid, 1, 2, 3, 4, 5, 6)},
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
		number Term
		args   Term
		want   Term
	}{
		{"no such name", Atom("sys_zip"), Tuple{}, errorTuple("enotsup")},
		{"a name without the prefix", Atom("getpid"), Tuple{}, errorTuple("enotsup")},
		{"a name of the table that is no call", Atom("audit_arch_x86_64"), Tuple{}, einval},
		{"a negative number", -1, Tuple{}, einval},
		{"a number that nobody knows", 4000, Tuple{}, einval},
		{"a number of x32", 0x40000000 + unix.SYS_GETPID, Tuple{}, einval},
		{"a number of the private calls of arm", 0xf0005, Tuple{}, einval},
		{"a number beyond 32 bits", 1<<32 + unix.SYS_GETPID, Tuple{}, einval},
		{"a list of arguments", Atom("sys_getpid"), List{}, badarg},
		{"seven arguments", Atom("sys_getpid"), Tuple{1, 2, 3, 4, 5, 6, 7}, badarg},
		{"no such constant", Atom("sys_getpid"), Tuple{Atom("zip")}, errorTuple("enotsup")},
		{"no such constant in a list", Atom("sys_getpid"), Tuple{List{Atom("o_rdwr"), Atom("zip")}}, errorTuple("enotsup")},
		{"a list of bytes", Atom("sys_getpid"), Tuple{String("ab")}, badarg},
		{"a float", Atom("sys_getpid"), Tuple{Float(1)}, badarg},
		{"a tuple", Atom("sys_getpid"), Tuple{Tuple{Atom("ptr"), 1}}, badarg},
		{"a number beyond 64 bits", Atom("sys_getpid"), Tuple{SmallBig(0, 0, 0, 0, 0, 0, 0, 0, 0, 1)}, badarg},
		{"a number below 64 bits", Atom("sys_getpid"), Tuple{SmallBig(1, 1, 0, 0, 0, 0, 0, 0, 0x80)}, badarg},
		{"a pointer of a negative size", Atom("sys_getpid"), Tuple{List{ptr(-1)}}, badarg},
		{"a pointer of a large size", Atom("sys_getpid"), Tuple{List{ptr(65536)}}, badarg},
		{"much memory behind pointers", Atom("sys_getpid"), Tuple{List{ptr(65535), ptr(1)}}, badarg},
		{"much memory behind pointers of pointers", Atom("sys_getpid"), Tuple{List{ptr(List{ptr(65535)}), ptr(1)}}, badarg},
		{"four levels", Atom("sys_getpid"), Tuple{List{ptr(List{ptr(List{ptr(List{Binary("x")})})})}}, badarg},
		{"an empty structure inside", Atom("sys_getpid"), Tuple{List{ptr(List{})}}, badarg},
	} {
		t.Run(test.name, func(t *testing.T) {
			want(t, extended().ask(nrSyscall, test.number, test.args), test.want)
		})
	}
}

// sendmsg(2) with everything that a message can have: a name, two pieces, and all of it behind pointers.
func TestStructuresPointToStructures(t *testing.T) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fds[0])
	defer unix.Close(fds[1])
	message := func(one, two Term) Term {
		pieces := List{ptr(one), native64(5), ptr(two), native64(7)}
		return List{native64(0, 0), ptr(pieces), native64(2, 0, 0, 0)}
	}
	a := extended()
	sent := message(Binary("hello"), Binary(", world"))
	want(t, a.ask(nrSyscall, Atom("sys_sendmsg"), Tuple{fds[0], sent, 0}), made(12, fds[0], sent, 0))
	want(t, a.ask(nrSyscall, Atom("sys_recvmsg"), Tuple{fds[1], message(5, 7), 0}), made(12, fds[1], sent, 0))
}

// Each piece of memory is where its pointer says, whatever surrounds it.
func TestPartsOfNestedStructuresKeepTheirPlaces(t *testing.T) {
	a := extended()
	odd := Binary(strings.Repeat("x", 13))
	s := List{
		Binary("a"),
		ptr(List{odd, ptr(List{ptr(Binary("deep")), Binary("er")}), ptr(3)}),
		ptr(odd), ptr(0),
		ptr(List{Binary("last")}),
	}
	after := List{
		Binary("a"),
		ptr(List{odd, ptr(List{ptr(Binary("deep")), Binary("er")}), ptr(Binary("\x00\x00\x00"))}),
		ptr(odd), Binary(make([]byte, wordSize)),
		ptr(List{Binary("last")}),
	}
	want(t, a.ask(nrSyscall, Atom("sys_getpid"), Tuple{s, odd, s}), made(os.Getpid(), after, odd, after))
}

// mask is a set of signals, and a size where that belongs to it.
func mask(signals ...uint) Binary {
	var v uint64
	for _, s := range signals {
		v |= 1 << (s - 1)
	}
	return native64(v)
}

func TestSystemCallsThatWouldHarmTheProcessAreRefused(t *testing.T) {
	type refusal struct {
		name string
		args Tuple
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
		all = append(all, refusal{name, Tuple{}}, refusal{name, Tuple{0, 0, 0, 0, 0, 0}})
	}
	for fd := range 6 {
		all = append(all,
			refusal{"close", Tuple{fd}}, refusal{"close", Tuple{fd + 1<<32}}, refusal{"fcntl", Tuple{fd, 1, 0}},
			refusal{"dup2", Tuple{100, fd}}, refusal{"dup3", Tuple{100, fd, 0}},
			refusal{"close_range", Tuple{fd, 100, 0}}, refusal{"close_range", Tuple{0, fd, 0}})
		if fd == 2 {
			continue
		}
		for _, name := range []string{
			"read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
			"recvfrom", "recvmsg", "recvmmsg", "sendto", "sendmsg", "sendmmsg", "sendfile", "tee", "splice",
			"copy_file_range",
		} {
			all = append(all, refusal{name, Tuple{fd, 0, 0, 0, 0, 0}})
		}
		all = append(all, refusal{"sendfile", Tuple{100, fd, 0, 0}}, refusal{"tee", Tuple{100, fd, 0, 0}},
			refusal{"splice", Tuple{100, 0, fd, 0, 0, 0}}, refusal{"copy_file_range", Tuple{100, 0, fd, 0, 0, 0}})
	}
	const zerocopy = 0x4000000
	all = append(all,
		refusal{"sendto", Tuple{100, Binary("x"), 1, zerocopy, 0, 0}},
		refusal{"sendmsg", Tuple{100, Binary("x"), zerocopy}},
		refusal{"sendmmsg", Tuple{100, Binary("x"), 1, zerocopy}},
		refusal{"prctl", Tuple{Atom("pr_set_mm"), 0, 0, 0, 0}}, refusal{"prctl", Tuple{59, 1, 0, 0, 0}},
		refusal{"prctl", Tuple{55, 1, 0, 0, 0}}, refusal{"prctl", Tuple{75, 1, 0, 0, 0}}, refusal{"prctl", Tuple{76, 1, 0, 0, 0}},
		refusal{"waitid", Tuple{0, 0, 0, 4, 0}},
		refusal{"setrlimit", Tuple{Atom("rlimit_nofile"), native64(10, 10)}},
		refusal{"prlimit64", Tuple{0, Atom("rlimit_nofile"), native64(10, 10), 0}},
		refusal{"prlimit64", Tuple{os.Getpid(), Atom("rlimit_nofile"), native64(10, 10), 0}},
		refusal{"rt_sigsuspend", Tuple{0, 8}}, refusal{"rt_sigtimedwait", Tuple{0, 0, 0, 8}})
	for _, signo := range []uint{17, 29, 11, 7, 8, 4, 5} {
		m := mask(10, signo)
		all = append(all,
			refusal{"rt_sigsuspend", Tuple{m, 8}}, refusal{"rt_sigtimedwait", Tuple{m, 0, 0, 8}},
			refusal{"signalfd", Tuple{-1, m, 8}}, refusal{"signalfd4", Tuple{-1, m, 8, 0}},
			refusal{"ppoll", Tuple{0, 0, native64(0, 0), m, 8}}, refusal{"epoll_pwait", Tuple{-1, Binary("x"), 1, 0, m, 8}},
			refusal{"epoll_pwait2", Tuple{-1, Binary("x"), 1, native64(0, 0), m, 8}},
			refusal{"pselect6", Tuple{0, 0, 0, 0, native64(0, 0), List{ptr(m), native64(8)}}})
	}
	// A mask that cannot be looked at.
	all = append(all,
		refusal{"ppoll", Tuple{0, 0, native64(0, 0), 4096, 8}}, refusal{"signalfd", Tuple{-1, 4096, 8}},
		refusal{"pselect6", Tuple{0, 0, 0, 0, native64(0, 0), 4096}},
		refusal{"pselect6", Tuple{0, 0, 0, 0, native64(0, 0), native64(4096, 8)}})
	for _, r := range all {
		name := Atom("sys_" + r.name)
		if _, known := find(syscallConstants, []byte(name)); !known {
			continue // a call of other machines, or another name for one
		}
		if got := extended().ask(nrSyscall, name, r.args); Format(got) != Format(einval) {
			t.Errorf("%s %s: %s", r.name, Format(r.args), Format(got))
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
		args Tuple
		want Term
	}{
		{"close", Tuple{1 << 20}, errorTuple("ebadf")},
		{"dup3", Tuple{null, 1000, Atom("o_cloexec")}, made(1000, null, 1000, unix.O_CLOEXEC)},
		{"fcntl", Tuple{1000, Atom("f_getfd"), 0}, made(1, 1000, 1, 0)},
		{"close_range", Tuple{1000, 1010, 0}, made(0, 1000, 1010, 0)},
		{"write", Tuple{null, Binary("x"), 1}, made(1, null, Binary("x"), 1)},
		{"sendto", Tuple{null, Binary("x"), 1, 0, 0, 0}, errorTuple("enotsock")},
		{"ppoll", Tuple{0, 0, soon, mask(10), 8}, made(0, 0, 0, soon, mask(10), 8)},
		{"ppoll", Tuple{0, 0, soon, List{}, 8}, made(0, 0, 0, soon, 0, 8)},
		{"pselect6", Tuple{0, 0, 0, 0, soon, List{ptr(mask(10)), native64(8)}},
			made(0, 0, 0, 0, 0, soon, List{ptr(mask(10)), native64(8)})},
		{"pselect6", Tuple{0, 0, 0, 0, soon, 0}, made(0, 0, 0, 0, 0, soon, 0)},
		{"prctl", Tuple{Atom("pr_get_dumpable"), 0, 0, 0, 0}, nil},
		{"prlimit64", Tuple{0, Atom("rlimit_nofile"), 0, native64(0, 0)}, nil},
		{"prlimit64", Tuple{1 << 22, Atom("rlimit_nofile"), native64(1, 1), 0}, errorTuple("esrch")},
		{"waitid", Tuple{0, 0, 0, List{Atom("wexited"), Atom("wnowait")}, 0}, errorTuple("echild")},
	} {
		got := a.ask(nrSyscall, Atom("sys_"+test.name), test.args)
		if test.want == nil {
			if reply, _ := got.(Tuple); len(reply) != 3 || reply[0] != done {
				t.Errorf("%s %s: %s", test.name, Format(test.args), Format(got))
			}
			continue
		}
		want(t, got, test.want)
	}
}

// Whatever the arguments of a system call are, the reply is one term that fits.
func FuzzSyscall(f *testing.F) {
	for _, args := range []Term{
		Tuple{}, Tuple{1, -1, 1 << 62, Atom("o_rdwr"), List{}, Binary("x")},
		Tuple{List{Binary("abcd"), ptr(5), ptr(Binary("x"))}},
		Tuple{List{ptr(List{ptr(List{Binary("x"), ptr(0)}), ptr(7)})}},
		Tuple{improper(1, ptr(improper(Float(1), Binary("x"))))},
		Tuple{List{ptr(List{ptr(List{ptr(List{})})})}},
	} {
		f.Add(Encode(args)[1:])
	}
	call := Encode(Tuple{Atom("sys_getpid"), 0})
	f.Fuzz(func(t *testing.T, args []byte) {
		if len(args) > 65000 {
			t.Skip()
		}
		a := extended()
		reply := a.answer(nrSyscall, append(append(call[:len(call)-2:len(call)-2], args...), 0, 0))
		if len(reply) > a.p.ReplyLimit() {
			t.Errorf("the reply has %d bytes", len(reply))
		}
		if _, err := Decode(reply); err != nil {
			t.Error(err)
		}
	})
}
