package test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	. "github.com/alcove-go/alcove/test/porttest"
)

var (
	somePath  = arg(pathKind, Binary("/no/such/file"))
	someFD    = arg(intKind, 2000)
	someMode  = arg(uintKind, 0o644)
	someFlags = arg(flags, List{Atom("o_rdonly")})
)

var fileCalls = map[string]call{
	"chdir":  {args: []argument{somePath}, valid: validChdir},
	"chmod":  {args: []argument{somePath, someMode}, valid: validChmod},
	"chown":  {args: []argument{somePath, arg(uintKind, 0), arg(uintKind, 0)}, valid: validChown},
	"chroot": {args: []argument{somePath}, valid: validChroot},
	"close":  {args: []argument{someFD}, valid: validClose},
	"fcntl": {args: []argument{someFD, arg(oneOf, Atom("f_getfd")), arg(smallIntegers, 0)},
		valid: validFcntl},
	"getcwd": {valid: validGetcwd},
	"link":   {args: []argument{somePath, somePath}, valid: validLink},
	"lseek":  {args: []argument{someFD, arg(longKind, 0), arg(intKind, 0)}, valid: validLseek},
	"mkdir":  {args: []argument{somePath, someMode}, valid: validMkdir},
	"mkfifo": {args: []argument{somePath, someMode}, valid: validMkfifo},
	"open":   {args: []argument{somePath, someFlags, someMode}, valid: validOpen},
	"read":   {args: []argument{someFD, arg(ulongKind, 0)}, valid: validRead},
	"readdir": {args: []argument{somePath},
		valid: validReaddir},
	"rmdir": {args: []argument{somePath}, valid: validRmdir},
	"select": {args: []argument{arg(descriptors, List{}), arg(descriptors, List{}), arg(descriptors, List{}),
		arg(kind{"nil": accepted}, timeval(0, 0))}, valid: validSelect},
	"symlink": {args: []argument{somePath, somePath}, valid: validSymlink},
	"unlink":  {args: []argument{somePath}, valid: validUnlink},
	"write":   {args: []argument{someFD, arg(iolistKind, Binary("x"))}, valid: validWrite},
}

func validChdir(c *caller) {
	c.want(ok, Binary("/"))
	c.also(okTuple(Binary("/")), "getcwd")
	c.want(ok, String("/tmp"))
	c.also(okTuple(Binary("/tmp")), "getcwd")
	c.want(ok, List{47, Binary("usr"), List{List{String("/")}, Binary("lib")}})
	c.also(okTuple(Binary("/usr/lib")), "getcwd")
	c.want(ok, Binary(".."))
	c.also(okTuple(Binary("/usr")), "getcwd")
	c.want(errno("enoent"), Binary("/no/such/folder"))
	c.want(errno("enotdir"), Binary("/etc/passwd"))
	c.want(badarg, Binary("/tmp\x00x"))
	c.want(errno("enoent"), Binary("\x00"))
	b := c.fork() // inherits it
	b.also(okTuple(Binary("/usr")), "getcwd")
}

// fileMode is a file's permissions as a number.
func fileMode(c *caller, path string) uint32 {
	c.t.Helper()
	var st syscall.Stat_t
	if err := syscall.Lstat(path, &st); err != nil {
		c.t.Fatal(err)
	}
	return uint32(st.Mode) & 0o7777
}

func validChmod(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	for mode, want := range map[int]uint32{0o644: 0o644, 0: 0, 0o4711: 0o4711, 1<<32 - 1: 0o7777, 1<<32 - 0o1000: 0o7000, 0o10644: 0o644} {
		c.want(ok, Binary(path), mode)
		if got := fileMode(c, path); got != want {
			c.t.Errorf("chmod %#o gives %#o, want %#o", mode, got, want)
		}
	}
	c.want(badarg, Binary(path), -1)
	c.want(badarg, Binary(path), 1<<32)
	c.want(errno("enoent"), Binary(path+"x"), 0o600)
}

func validChown(c *caller) {
	c.need("CAP_CHOWN", 0)
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	link := path + ".link"
	if err := os.Symlink(path, link); err != nil {
		c.t.Fatal(err)
	}
	const leave = 1<<32 - 1
	for _, o := range []struct{ uid, gid, wantUID, wantGID int }{
		{1, 2, 1, 2}, {leave, 5, 1, 5}, {6, leave, 6, 5}, {leave, leave, 6, 5}, {0, 0, 0, 0},
		{1<<32 - 2, 1<<31 + 1, 1<<32 - 2, 1<<31 + 1},
	} {
		c.want(ok, Binary(link), o.uid, o.gid)
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			c.t.Fatal(err)
		}
		if int(st.Uid) != o.wantUID || int(st.Gid) != o.wantGID {
			c.t.Errorf("chown %d:%d gives %d:%d", o.uid, o.gid, st.Uid, st.Gid)
		}
	}
	c.want(badarg, Binary(path), -1, 0)
	c.want(badarg, Binary(path), 0, -1)
	c.want(badarg, Binary(path), Atom("root"), 0)
	c.want(errno("enoent"), Binary(path+"x"), 0, 0)
}

func validChroot(c *caller) {
	c.need("CAP_SYS_CHROOT", 18)
	dir := c.t.TempDir()
	c.also(ok, "chdir", Binary("/usr"))
	c.want(errno("enoent"), Binary(dir+"/no"))
	c.want(errno("enotdir"), Binary("/etc/passwd"))
	c.want(ok, Binary(dir))
	// The working directory lies outside the new root.
	c.also(errno("enoent"), "getcwd")
	c.also(ok, "chdir", Binary("/"))
	c.also(okTuple(Binary("/")), "getcwd")
	c.also(okTuple(Chained{Binary("."), Binary("..")}), "readdir", Binary("/"))
	b := c.fork()
	b.also(okTuple(Binary("/")), "getcwd")
	b.also(errno("enoent"), "execvp", Binary("/bin/true"), argv("true"))
}

func validClose(c *caller) {
	fd := c.Int(c.to, "open", Binary("/dev/null"), List{}, 0)
	c.want(ok, fd)
	c.want(errno("ebadf"), fd)
	c.want(errno("ebadf"), -1)
	c.want(errno("ebadf"), 1<<31-1)
	c.want(ok, 2)
}

func validFcntl(c *caller) {
	fd := c.Int(c.to, "open", Binary("/dev/null"), List{Atom("o_rdwr")}, 0)
	c.want(okTuple(0), fd, Atom("f_getfd"), 0)
	c.want(okTuple(0), fd, Atom("f_setfd"), 1)
	c.want(okTuple(1), fd, Atom("F_GETFD"), 0)
	c.want(okTuple(0), fd, Atom("f_setfl"), 0o4000)
	c.want(okTuple(largeFile|0o4002), fd, Atom("f_getfl"), 0)
	c.want(okTuple(100), fd, 0, 100) // F_DUPFD
	c.want(errno("einval"), fd, 0, -1)
	c.want(errno("ebadf"), -1, Atom("f_getfd"), 0)
	c.want(errno("einval"), fd, 9999, 0)
	c.want(errno("efault"), fd, 5, 0) // F_GETLK into a null pointer
	c.want(badarg, fd, Atom("f_setfd"), Atom("fd_cloexec"))
	c.want(okTuple(1), fd, Atom("f_getfd"), -5)
	c.want(errno("enotsup"), -1, Atom("o_rdonly"), Atom("x"))
	c.want(okTuple(4096), 1, Atom("f_setpipe_sz"), 4096)
	c.want(okTuple(4096), 1, Atom("f_getpipe_sz"), 0)
	c.want(okTuple(65536), 1, Atom("f_setpipe_sz"), 65536)
}

func validGetcwd(c *caller) {
	dir := c.t.TempDir()
	c.also(ok, "chdir", Binary(dir))
	c.want(okTuple(Binary(dir)))
	// As deep as the kernel goes: 4095 bytes are returned, one more is too long.
	long := dir
	part := strings.Repeat("d", 200)
	for len(long)+1+len(part) < 4000 {
		c.also(ok, "mkdir", Binary(part), 0o755)
		c.also(ok, "chdir", Binary(part))
		long += "/" + part
	}
	last := strings.Repeat("e", 4095-len(long)-1)
	c.also(ok, "mkdir", Binary(last), 0o755)
	c.also(ok, "chdir", Binary(last))
	c.want(okTuple(Binary(long + "/" + last)))
	c.also(ok, "chdir", Binary(".."))
	c.also(ok, "mkdir", Binary(last+"f"), 0o755)
	c.also(ok, "chdir", Binary(last+"f"))
	c.want(errno("erange"))
	c.also(ok, "chdir", Binary("/"))
	gone := filepath.Join(dir, "gone")
	c.also(ok, "mkdir", Binary(gone), 0o755)
	c.also(ok, "chdir", Binary(gone))
	c.also(ok, "rmdir", Binary(gone))
	c.want(errno("enoent"))
	c.also(ok, "chdir", Binary("/"))
}

func validLink(c *caller) {
	dir := c.t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(a, []byte("a"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(ok, Binary(a), Binary(b))
	if got, err := os.ReadFile(b); string(got) != "a" {
		c.t.Errorf("linked file: %q, %v", got, err)
	}
	c.want(errno("eexist"), Binary(a), Binary(b))
	c.want(errno("enoent"), Binary(a+"x"), Binary(b))
	// A symbolic link is linked itself.
	s := filepath.Join(dir, "s")
	c.also(ok, "symlink", Binary("/no/such/target"), Binary(s))
	c.want(ok, Binary(s), Binary(s+"2"))
	if to, err := os.Readlink(s + "2"); to != "/no/such/target" {
		c.t.Errorf("link to a symbolic link: %q, %v", to, err)
	}
}

func validLseek(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	fd := c.Int(c.to, "open", Binary(path), List{Atom("o_rdonly")}, 0)
	// kept: lseek replies ok.
	for _, s := range []struct {
		offset Term
		whence int
		want   string
	}{{3, 0, "3"}, {2, 1, "6"}, {-1, 2, "9"}, {0, 0, "0"}, {SmallBig(0, 7), 0, "7"}} {
		c.want(ok, fd, s.offset, s.whence)
		c.also(okTuple(Binary(s.want)), "read", fd, 1)
	}
	c.want(ok, fd, 1<<40, 0)
	c.also(okTuple(Binary("")), "read", fd, 1)
	c.want(errno("einval"), fd, -1, 0)
	c.want(errno("einval"), fd, -1<<63, 0)
	c.want(errno("einval"), fd, 0, 99)
	c.want(errno("ebadf"), -1, 0, 0)
	c.want(errno("espipe"), 0, 0, 0)
	c.want(badarg, fd, 0, Atom("seek_set"))
}

func validMkdir(c *caller) {
	dir := filepath.Join(c.t.TempDir(), "dir")
	c.want(ok, Binary(dir), 0o777)
	if got := fileMode(c, dir); got != 0o755 {
		c.t.Errorf("mode %#o with umask 022", got)
	}
	c.want(errno("eexist"), Binary(dir), 0o777)
	c.want(errno("enoent"), Binary(dir+"/a/b"), 0o777)
	c.want(errno("enotdir"), Binary("/etc/passwd/a"), 0o777)
	c.want(ok, Binary(dir+"/all"), 1<<32-1)
}

func validMkfifo(c *caller) {
	path := filepath.Join(c.t.TempDir(), "fifo")
	c.want(ok, Binary(path), 0o666)
	if st, err := os.Stat(path); err != nil || st.Mode() != os.ModeNamedPipe|0o644 {
		c.t.Errorf("fifo: %v, %v", st, err)
	}
	c.want(errno("eexist"), Binary(path), 0o666)
	c.want(errno("enoent"), Binary(path+"x/y"), 0o666)
}

func validOpen(c *caller) {
	Linux(c.t, "/proc")
	path := filepath.Join(c.t.TempDir(), "file")
	c.want(errno("enoent"), Binary(path), List{Atom("o_rdonly")}, 0)
	fd := c.Int(c.to, "open", Binary(path), List{Atom("o_wronly"), Atom("o_creat"), Atom("o_excl")}, 0o666)
	if fd < 6 {
		c.t.Errorf("descriptor %d", fd)
	}
	if got := fileMode(c, path); got != 0o644 {
		c.t.Errorf("mode %#o with umask 022", got)
	}
	c.want(errno("eexist"), Binary(path), List{Atom("o_creat"), Atom("o_excl")}, 0)
	c.also(okTuple(5), "write", fd, Binary("hello"))
	c.also(okTuple(0), "fcntl", fd, Atom("f_getfd"), 0) // no close-on-exec unless asked for
	next := c.Int(c.to, "open", Binary(path), List{Atom("o_rdonly"), Atom("o_cloexec")}, 0)
	c.also(okTuple(1), "fcntl", next, Atom("f_getfd"), 0)
	c.also(okTuple(Binary("hello")), "read", next, 100)
	// Flags as a number, a list with a number in it, in capitals, and twice.
	for _, flags := range []Term{0, List{}, List{0}, List{Atom("O_RDONLY"), 0x80000}, List{Atom("o_cloexec"), Atom("o_cloexec")},
		Raw("\x6c\x00\x00\x00\x00\x6a"), String("\x00")} {
		fd := c.Int(c.to, "open", Binary(path), flags, 0)
		c.also(ok, "close", fd)
	}
	c.want(errno("enotsup"), Binary(path), List{Atom("nosuchflag"), Binary("")}, 0)
	c.want(badarg, Binary(path), List{Binary(""), Atom("nosuchflag")}, 0)
	c.want(badarg, Binary(path), Atom("o_rdonly"), 0)
	c.want(badarg, Binary(path), List{Atom("o_rdonly")}, -1)
	c.want(errno("eisdir"), Binary("/"), List{Atom("o_wronly")}, 0)
	c.want(errno("enotdir"), Binary(path), List{Atom("o_directory")}, 0)
	c.want(errno("eloop"), Binary("/proc/self"), List{Atom("o_nofollow")}, 0)
}

func validRead(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	fd := c.Int(c.to, "open", Binary(path), List{}, 0)
	c.want(okTuple(Binary("")), fd, 0)
	c.want(okTuple(Binary("012")), fd, 3)
	c.want(okTuple(Binary("3456789")), fd, infinity)
	c.want(okTuple(Binary("")), fd, 10)
	c.want(errno("ebadf"), -1, 10)
	c.want(errno("ebadf"), -1, 0)
	c.want(errno("eisdir"), c.Int(c.to, "open", Binary("/"), List{}, 0), 10)
	c.want(badarg, fd, -1)
	write := c.Int(c.to, "open", Binary("/dev/null"), List{Atom("o_wronly")}, 0)
	c.want(errno("ebadf"), write, 10)
}

func validReaddir(c *caller) {
	dir := c.t.TempDir()
	names := []string{"a", ".hidden", "b c", "\xff\xfe", strings.Repeat("n", 255), "é"}
	for _, n := range names {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
	reply, _ := c.Call(c.to, "readdir", Binary(dir)).(Tuple)
	var got []string
	if len(reply) == 2 {
		list, _ := reply[1].(Chained)
		for _, e := range list {
			b, _ := e.(Binary)
			got = append(got, string(b))
		}
	}
	want := append([]string{".", ".."}, names...)
	sort.Strings(got)
	sort.Strings(want)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		c.t.Errorf("entries %q, want %q in %s", got, want, Format(reply))
	}
	empty := filepath.Join(dir, "empty")
	c.also(ok, "mkdir", Binary(empty), 0o700)
	c.want(okTuple(Chained{Binary("."), Binary("..")}), Binary(empty))
	c.want(errno("enoent"), Binary(dir+"/no"))
	c.want(errno("enotdir"), Binary(dir+"/a"))
	before := len(FDs(c.to.Pid()))
	for range 20 {
		c.want(okTuple(Chained{Binary("."), Binary("..")}), Binary(empty))
	}
	if now := len(FDs(c.to.Pid())); now != before {
		c.t.Errorf("%d descriptors, %d before", now, before)
	}
}

func validRmdir(c *caller) {
	dir := filepath.Join(c.t.TempDir(), "dir")
	c.also(ok, "mkdir", Binary(dir), 0o700)
	c.also(ok, "mkdir", Binary(dir+"/inner"), 0o700)
	c.want(errno("enotempty"), Binary(dir))
	c.want(ok, Binary(dir+"/inner"))
	c.want(ok, Binary(dir))
	c.want(errno("enoent"), Binary(dir))
	file := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(errno("enotdir"), Binary(file))
}

// descriptors: every rejection in a set is ebadf, whatever is wrong with it.
var descriptors = func() kind {
	k := kind{}
	for _, s := range samples {
		k[s.name] = errno("ebadf")
	}
	k["nil"] = accepted
	k["string"] = accepted        // descriptors 1 and 2
	k["list of bytes"] = accepted // 3 and 4
	k["list of bigs"] = accepted  // 3
	return k
}()

func validSelect(c *caller) {
	none, now := List{}, timeval(0, 0)
	c.want(okTuple(none, none, none), none, none, none, now)
	c.want(okTuple(none, none, none), none, none, none, timeval(0, 1500))
	c.want(okTuple(none, none, none), none, none, none, LargeTuple{Atom("alcove_timeval"), 0, 0})
	c.want(okTuple(none, none, none), none, none, none, timeval(0, 1000000))
	file := c.Int(c.to, "open", Binary("/dev/zero"), List{Atom("o_rdwr")}, 0)
	other := c.Int(c.to, "open", Binary("/dev/zero"), List{Atom("o_rdwr")}, 0)
	c.want(okTuple(List{file}, none, none), List{file}, none, none, List{})
	c.want(okTuple(List{file}, List{file}, none), List{file}, List{file}, List{file}, List{})
	c.want(okTuple(Chained{file, other}, none, none), List{other, file, file, other}, none, none, now)
	c.want(okTuple(none, List{file}, none), none, String([]byte{byte(file)}), none, now)
	c.want(errno("ebadf"), List{999}, none, none, now)
	c.want(errno("ebadf"), List{1024}, none, none, now)
	c.want(errno("ebadf"), List{-1}, none, none, now)
	c.want(errno("ebadf"), none, Atom("foo"), none, now)
	c.want(errno("ebadf"), none, none, WithTail(1, file), now)
	many := List{}
	for range 1023 {
		many = append(many, file)
	}
	c.want(okTuple(List{file}, none, none), many, none, none, now)
	c.want(errno("ebadf"), append(many, file), none, none, now)
	for _, wrong := range []Term{Tuple{Atom("timeval"), 0, 0}, Tuple{Atom("ALCOVE_TIMEVAL"), 0, 0}, Tuple{Atom("alcove_timeval"), 0},
		Tuple{Atom("alcove_timeval"), 0, 0, 0}, Tuple{Atom("alcove_timeval"), Float(0), 0}, Tuple{Atom("alcove_timeval"), 0, Atom("a")},
		Tuple{Atom("alcove_timeval"), uint64(1 << 63), 0}, 0} {
		c.want(badarg, none, none, none, wrong)
		c.want(errno("ebadf"), List{999}, none, none, wrong) // the sets are judged first
	}
	// A pipe becomes readable while the call waits.
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", Binary(fifo), 0o600)
	fd := c.Int(c.to, "open", Binary(fifo), List{Atom("o_rdwr")}, 0)
	c.want(okTuple(none, none, none), List{fd}, none, none, now)
	c.Send(c.to, "select", List{fd}, none, none, List{})
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("x")
	c.Next(Reply(c.to, okTuple(List{fd}, none, none)))
}

func validSymlink(c *caller) {
	link := filepath.Join(c.t.TempDir(), "link")
	c.want(ok, Binary("any text"), Binary(link))
	if to, err := os.Readlink(link); to != "any text" {
		c.t.Errorf("link to %q, %v", to, err)
	}
	c.want(errno("eexist"), Binary("any text"), Binary(link))
	c.want(errno("enoent"), Binary("x"), Binary(link+"/no/such"))
}

func validUnlink(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(ok, Binary(path))
	c.want(errno("enoent"), Binary(path))
	c.want(errno("eisdir"), Binary(c.t.TempDir()))
	c.want(errno("enotdir"), Binary("/etc/passwd/x"))
}

func validWrite(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	fd := c.Int(c.to, "open", Binary(path), List{Atom("o_wronly"), Atom("o_creat")}, 0o600)
	big := Bytes(65000)
	c.want(okTuple(5), fd, Binary("hello"))
	c.want(okTuple(4), fd, List{32, String("wo"), List{List{Binary("r")}}})
	c.want(okTuple(0), fd, List{})
	c.want(okTuple(len(big)), fd, Binary(big))
	if got, _ := os.ReadFile(path); string(got) != "hello wor"+big {
		c.t.Errorf("the file holds %d bytes, %.20q", len(got), got)
	}
	c.want(errno("ebadf"), -1, Binary("x"))
	c.want(errno("ebadf"), 3, Binary("x"))
	c.want(errno("enospc"), c.Int(c.to, "open", Binary("/dev/full"), List{Atom("o_wronly")}, 0), Binary("x"))
	// A pipe without a reader: the error, and the signal that goes with it.
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", Binary(fifo), 0o600)
	reader := c.Int(c.to, "open", Binary(fifo), List{Atom("o_rdonly"), Atom("o_nonblock")}, 0)
	writer := c.Int(c.to, "open", Binary(fifo), List{Atom("o_wronly")}, 0)
	c.also(ok, "close", reader)
	c.want(errno("epipe"), writer, Binary("x"))
	c.SignalOf(c.to, "sigpipe")
	// Standard error of a process that has not exec'ed.
	c.want(okTuple(3), 2, Binary("err"))
	c.Await(Stderr(c.to, "err"))
}
