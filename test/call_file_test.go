// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var (
	somePath  = arg(pathKind, pt.Binary("/no/such/file"))
	someFD    = arg(intKind, 2000)
	someMode  = arg(uintKind, 0o644)
	someFlags = arg(flags, pt.List{pt.Atom("o_rdonly")})
)

var fileCalls = map[string]call{
	"chdir":  {args: []argument{somePath}, valid: validChdir},
	"chmod":  {args: []argument{somePath, someMode}, valid: validChmod},
	"chown":  {args: []argument{somePath, arg(uintKind, 0), arg(uintKind, 0)}, valid: validChown},
	"chroot": {args: []argument{somePath}, valid: validChroot},
	"close":  {args: []argument{someFD}, valid: validClose},
	"fcntl": {args: []argument{someFD, arg(oneOf, pt.Atom("f_getfd")), arg(smallIntegers, 0)},
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
	"select": {args: []argument{arg(descriptors, pt.List{}), arg(descriptors, pt.List{}), arg(descriptors, pt.List{}),
		arg(kind{"nil": accepted}, timeval(0, 0))}, valid: validSelect},
	"symlink": {args: []argument{somePath, somePath}, valid: validSymlink},
	"unlink":  {args: []argument{somePath}, valid: validUnlink},
	"write":   {args: []argument{someFD, arg(iolistKind, pt.Binary("x"))}, valid: validWrite},
}

func validChdir(c *caller) {
	c.want(ok, pt.Binary("/"))
	c.also(okTuple(pt.Binary("/")), "getcwd")
	c.want(ok, pt.String("/tmp"))
	c.also(okTuple(pt.Binary("/tmp")), "getcwd")
	c.want(ok, pt.List{47, pt.Binary("usr"), pt.List{pt.List{pt.String("/")}, pt.Binary("lib")}})
	c.also(okTuple(pt.Binary("/usr/lib")), "getcwd")
	c.want(ok, pt.Binary(".."))
	c.also(okTuple(pt.Binary("/usr")), "getcwd")
	c.want(errno("enoent"), pt.Binary("/no/such/folder"))
	c.want(errno("enotdir"), pt.Binary("/etc/passwd"))
	c.want(badarg, pt.Binary("/tmp\x00x"))
	c.want(errno("enoent"), pt.Binary("\x00"))
	b := c.fork() // inherits it
	b.also(okTuple(pt.Binary("/usr")), "getcwd")
}

// fileMode returns a file's permissions as a number.
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
		c.want(ok, pt.Binary(path), mode)
		if got := fileMode(c, path); got != want {
			c.t.Errorf("chmod %#o gives %#o, want %#o", mode, got, want)
		}
	}
	c.want(badarg, pt.Binary(path), -1)
	c.want(badarg, pt.Binary(path), 1<<32)
	c.want(errno("enoent"), pt.Binary(path+"x"), 0o600)
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
		c.want(ok, pt.Binary(link), o.uid, o.gid)
		var st syscall.Stat_t
		if err := syscall.Stat(path, &st); err != nil {
			c.t.Fatal(err)
		}
		if int(st.Uid) != o.wantUID || int(st.Gid) != o.wantGID {
			c.t.Errorf("chown %d:%d gives %d:%d", o.uid, o.gid, st.Uid, st.Gid)
		}
	}
	c.want(badarg, pt.Binary(path), -1, 0)
	c.want(badarg, pt.Binary(path), 0, -1)
	c.want(badarg, pt.Binary(path), pt.Atom("root"), 0)
	c.want(errno("enoent"), pt.Binary(path+"x"), 0, 0)
}

func validChroot(c *caller) {
	c.need("CAP_SYS_CHROOT", 18)
	dir := c.t.TempDir()
	c.also(ok, "chdir", pt.Binary("/usr"))
	c.want(errno("enoent"), pt.Binary(dir+"/no"))
	c.want(errno("enotdir"), pt.Binary("/etc/passwd"))
	c.want(ok, pt.Binary(dir))
	// The working directory lies outside the new root.
	c.also(errno("enoent"), "getcwd")
	c.also(ok, "chdir", pt.Binary("/"))
	c.also(okTuple(pt.Binary("/")), "getcwd")
	c.also(okTuple(pt.Chained{pt.Binary("."), pt.Binary("..")}), "readdir", pt.Binary("/"))
	b := c.fork()
	b.also(okTuple(pt.Binary("/")), "getcwd")
	b.also(errno("enoent"), "execvp", pt.Binary("/bin/true"), argv("true"))
}

func validClose(c *caller) {
	fd := c.Int(c.to, "open", pt.Binary("/dev/null"), pt.List{}, 0)
	c.want(ok, fd)
	c.want(errno("ebadf"), fd)
	c.want(errno("ebadf"), -1)
	c.want(errno("ebadf"), 1<<31-1)
	c.want(ok, 2)
}

func validFcntl(c *caller) {
	fd := c.Int(c.to, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_rdwr")}, 0)
	c.want(okTuple(0), fd, pt.Atom("f_getfd"), 0)
	c.want(okTuple(0), fd, pt.Atom("f_setfd"), 1)
	c.want(okTuple(1), fd, pt.Atom("F_GETFD"), 0)
	c.want(okTuple(0), fd, pt.Atom("f_setfl"), 0o4000)
	c.want(okTuple(largeFile|0o4002), fd, pt.Atom("f_getfl"), 0)
	c.want(okTuple(100), fd, 0, 100) // F_DUPFD
	c.want(errno("einval"), fd, 0, -1)
	c.want(errno("ebadf"), -1, pt.Atom("f_getfd"), 0)
	c.want(errno("einval"), fd, 9999, 0)
	c.want(errno("efault"), fd, 5, 0) // F_GETLK into a null pointer
	c.want(badarg, fd, pt.Atom("f_setfd"), pt.Atom("fd_cloexec"))
	c.want(okTuple(1), fd, pt.Atom("f_getfd"), -5)
	c.want(errno("enotsup"), -1, pt.Atom("o_rdonly"), pt.Atom("x"))
	c.want(okTuple(4096), 1, pt.Atom("f_setpipe_sz"), 4096)
	c.want(okTuple(4096), 1, pt.Atom("f_getpipe_sz"), 0)
	c.want(okTuple(65536), 1, pt.Atom("f_setpipe_sz"), 65536)
}

func validGetcwd(c *caller) {
	dir := c.t.TempDir()
	c.also(ok, "chdir", pt.Binary(dir))
	c.want(okTuple(pt.Binary(dir)))
	// As deep as the kernel goes: 4095 bytes are returned, one more is too long.
	long := dir
	part := strings.Repeat("d", 200)
	for len(long)+1+len(part) < 4000 {
		c.also(ok, "mkdir", pt.Binary(part), 0o755)
		c.also(ok, "chdir", pt.Binary(part))
		long += "/" + part
	}
	last := strings.Repeat("e", 4095-len(long)-1)
	c.also(ok, "mkdir", pt.Binary(last), 0o755)
	c.also(ok, "chdir", pt.Binary(last))
	c.want(okTuple(pt.Binary(long + "/" + last)))
	c.also(ok, "chdir", pt.Binary(".."))
	c.also(ok, "mkdir", pt.Binary(last+"f"), 0o755)
	c.also(ok, "chdir", pt.Binary(last+"f"))
	c.want(errno("erange"))
	c.also(ok, "chdir", pt.Binary("/"))
	gone := filepath.Join(dir, "gone")
	c.also(ok, "mkdir", pt.Binary(gone), 0o755)
	c.also(ok, "chdir", pt.Binary(gone))
	c.also(ok, "rmdir", pt.Binary(gone))
	c.want(errno("enoent"))
	c.also(ok, "chdir", pt.Binary("/"))
}

func validLink(c *caller) {
	dir := c.t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(a, []byte("a"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(ok, pt.Binary(a), pt.Binary(b))
	if got, err := os.ReadFile(b); string(got) != "a" {
		c.t.Errorf("linked file: %q, %v", got, err)
	}
	c.want(errno("eexist"), pt.Binary(a), pt.Binary(b))
	c.want(errno("enoent"), pt.Binary(a+"x"), pt.Binary(b))
	// A symbolic link is linked itself.
	s := filepath.Join(dir, "s")
	c.also(ok, "symlink", pt.Binary("/no/such/target"), pt.Binary(s))
	c.want(ok, pt.Binary(s), pt.Binary(s+"2"))
	if to, err := os.Readlink(s + "2"); to != "/no/such/target" {
		c.t.Errorf("link to a symbolic link: %q, %v", to, err)
	}
}

func validLseek(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	fd := c.Int(c.to, "open", pt.Binary(path), pt.List{pt.Atom("o_rdonly")}, 0)
	// kept: lseek replies ok.
	for _, s := range []struct {
		offset pt.Term
		whence int
		want   string
	}{{3, 0, "3"}, {2, 1, "6"}, {-1, 2, "9"}, {0, 0, "0"}, {pt.SmallBig(0, 7), 0, "7"}} {
		c.want(ok, fd, s.offset, s.whence)
		c.also(okTuple(pt.Binary(s.want)), "read", fd, 1)
	}
	c.want(ok, fd, 1<<40, 0)
	c.also(okTuple(pt.Binary("")), "read", fd, 1)
	c.want(errno("einval"), fd, -1, 0)
	c.want(errno("einval"), fd, -1<<63, 0)
	c.want(errno("einval"), fd, 0, 99)
	c.want(errno("ebadf"), -1, 0, 0)
	c.want(errno("espipe"), 0, 0, 0)
	c.want(badarg, fd, 0, pt.Atom("seek_set"))
}

func validMkdir(c *caller) {
	dir := filepath.Join(c.t.TempDir(), "dir")
	c.want(ok, pt.Binary(dir), 0o777)
	if got := fileMode(c, dir); got != 0o755 {
		c.t.Errorf("mode %#o with umask 022", got)
	}
	c.want(errno("eexist"), pt.Binary(dir), 0o777)
	c.want(errno("enoent"), pt.Binary(dir+"/a/b"), 0o777)
	c.want(errno("enotdir"), pt.Binary("/etc/passwd/a"), 0o777)
	c.want(ok, pt.Binary(dir+"/all"), 1<<32-1)
}

func validMkfifo(c *caller) {
	path := filepath.Join(c.t.TempDir(), "fifo")
	c.want(ok, pt.Binary(path), 0o666)
	if st, err := os.Stat(path); err != nil || st.Mode() != os.ModeNamedPipe|0o644 {
		c.t.Errorf("fifo: %v, %v", st, err)
	}
	c.want(errno("eexist"), pt.Binary(path), 0o666)
	c.want(errno("enoent"), pt.Binary(path+"x/y"), 0o666)
}

func validOpen(c *caller) {
	pt.Linux(c.t, "/proc")
	path := filepath.Join(c.t.TempDir(), "file")
	c.want(errno("enoent"), pt.Binary(path), pt.List{pt.Atom("o_rdonly")}, 0)
	fd := c.Int(c.to, "open", pt.Binary(path), pt.List{pt.Atom("o_wronly"), pt.Atom("o_creat"), pt.Atom("o_excl")}, 0o666)
	if fd < 6 {
		c.t.Errorf("descriptor %d", fd)
	}
	if got := fileMode(c, path); got != 0o644 {
		c.t.Errorf("mode %#o with umask 022", got)
	}
	c.want(errno("eexist"), pt.Binary(path), pt.List{pt.Atom("o_creat"), pt.Atom("o_excl")}, 0)
	c.also(okTuple(5), "write", fd, pt.Binary("hello"))
	c.also(okTuple(0), "fcntl", fd, pt.Atom("f_getfd"), 0) // no close-on-exec unless asked for
	next := c.Int(c.to, "open", pt.Binary(path), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
	c.also(okTuple(1), "fcntl", next, pt.Atom("f_getfd"), 0)
	c.also(okTuple(pt.Binary("hello")), "read", next, 100)
	// Flags as a number, a list with a number in it, in capitals, and twice.
	for _, flags := range []pt.Term{0, pt.List{}, pt.List{0}, pt.List{pt.Atom("O_RDONLY"), 0x80000}, pt.List{pt.Atom("o_cloexec"), pt.Atom("o_cloexec")},
		pt.Raw("\x6c\x00\x00\x00\x00\x6a"), pt.String("\x00")} {
		fd := c.Int(c.to, "open", pt.Binary(path), flags, 0)
		c.also(ok, "close", fd)
	}
	c.want(errno("enotsup"), pt.Binary(path), pt.List{pt.Atom("nosuchflag"), pt.Binary("")}, 0)
	c.want(badarg, pt.Binary(path), pt.List{pt.Binary(""), pt.Atom("nosuchflag")}, 0)
	c.want(badarg, pt.Binary(path), pt.Atom("o_rdonly"), 0)
	c.want(badarg, pt.Binary(path), pt.List{pt.Atom("o_rdonly")}, -1)
	c.want(errno("eisdir"), pt.Binary("/"), pt.List{pt.Atom("o_wronly")}, 0)
	c.want(errno("enotdir"), pt.Binary(path), pt.List{pt.Atom("o_directory")}, 0)
	c.want(errno("eloop"), pt.Binary("/proc/self"), pt.List{pt.Atom("o_nofollow")}, 0)
}

func validRead(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("0123456789"), 0o600); err != nil {
		c.t.Fatal(err)
	}
	fd := c.Int(c.to, "open", pt.Binary(path), pt.List{}, 0)
	c.want(okTuple(pt.Binary("")), fd, 0)
	c.want(okTuple(pt.Binary("012")), fd, 3)
	c.want(okTuple(pt.Binary("3456789")), fd, infinity)
	c.want(okTuple(pt.Binary("")), fd, 10)
	c.want(errno("ebadf"), -1, 10)
	c.want(errno("ebadf"), -1, 0)
	c.want(errno("eisdir"), c.Int(c.to, "open", pt.Binary("/"), pt.List{}, 0), 10)
	c.want(badarg, fd, -1)
	write := c.Int(c.to, "open", pt.Binary("/dev/null"), pt.List{pt.Atom("o_wronly")}, 0)
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
	reply, _ := c.Call(c.to, "readdir", pt.Binary(dir)).(pt.Tuple)
	var got []string
	if len(reply) == 2 {
		list, _ := reply[1].(pt.Chained)
		for _, e := range list {
			b, _ := e.(pt.Binary)
			got = append(got, string(b))
		}
	}
	want := append([]string{".", ".."}, names...)
	sort.Strings(got)
	sort.Strings(want)
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		c.t.Errorf("entries %q, want %q in %s", got, want, pt.Format(reply))
	}
	empty := filepath.Join(dir, "empty")
	c.also(ok, "mkdir", pt.Binary(empty), 0o700)
	c.want(okTuple(pt.Chained{pt.Binary("."), pt.Binary("..")}), pt.Binary(empty))
	c.want(errno("enoent"), pt.Binary(dir+"/no"))
	c.want(errno("enotdir"), pt.Binary(dir+"/a"))
	before := len(pt.FDs(c.to.Pid()))
	for range 20 {
		c.want(okTuple(pt.Chained{pt.Binary("."), pt.Binary("..")}), pt.Binary(empty))
	}
	if now := len(pt.FDs(c.to.Pid())); now != before {
		c.t.Errorf("%d descriptors, %d before", now, before)
	}
}

func validRmdir(c *caller) {
	dir := filepath.Join(c.t.TempDir(), "dir")
	c.also(ok, "mkdir", pt.Binary(dir), 0o700)
	c.also(ok, "mkdir", pt.Binary(dir+"/inner"), 0o700)
	c.want(errno("enotempty"), pt.Binary(dir))
	c.want(ok, pt.Binary(dir+"/inner"))
	c.want(ok, pt.Binary(dir))
	c.want(errno("enoent"), pt.Binary(dir))
	file := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(errno("enotdir"), pt.Binary(file))
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
	none, now := pt.List{}, timeval(0, 0)
	c.want(okTuple(none, none, none), none, none, none, now)
	c.want(okTuple(none, none, none), none, none, none, timeval(0, 1500))
	c.want(okTuple(none, none, none), none, none, none, pt.LargeTuple{pt.Atom("alcove_timeval"), 0, 0})
	c.want(okTuple(none, none, none), none, none, none, timeval(0, 1000000))
	file := c.Int(c.to, "open", pt.Binary("/dev/zero"), pt.List{pt.Atom("o_rdwr")}, 0)
	other := c.Int(c.to, "open", pt.Binary("/dev/zero"), pt.List{pt.Atom("o_rdwr")}, 0)
	c.want(okTuple(pt.List{file}, none, none), pt.List{file}, none, none, pt.List{})
	c.want(okTuple(pt.List{file}, pt.List{file}, none), pt.List{file}, pt.List{file}, pt.List{file}, pt.List{})
	c.want(okTuple(pt.Chained{file, other}, none, none), pt.List{other, file, file, other}, none, none, now)
	c.want(okTuple(none, pt.List{file}, none), none, pt.String([]byte{byte(file)}), none, now)
	c.want(errno("ebadf"), pt.List{999}, none, none, now)
	c.want(errno("ebadf"), pt.List{1024}, none, none, now)
	c.want(errno("ebadf"), pt.List{-1}, none, none, now)
	c.want(errno("ebadf"), none, pt.Atom("foo"), none, now)
	c.want(errno("ebadf"), none, none, pt.WithTail(1, file), now)
	many := pt.List{}
	for range 1023 {
		many = append(many, file)
	}
	c.want(okTuple(pt.List{file}, none, none), many, none, none, now)
	c.want(errno("ebadf"), append(many, file), none, none, now)
	for _, wrong := range []pt.Term{pt.Tuple{pt.Atom("timeval"), 0, 0}, pt.Tuple{pt.Atom("ALCOVE_TIMEVAL"), 0, 0}, pt.Tuple{pt.Atom("alcove_timeval"), 0},
		pt.Tuple{pt.Atom("alcove_timeval"), 0, 0, 0}, pt.Tuple{pt.Atom("alcove_timeval"), pt.Float(0), 0}, pt.Tuple{pt.Atom("alcove_timeval"), 0, pt.Atom("a")},
		pt.Tuple{pt.Atom("alcove_timeval"), uint64(1 << 63), 0}, 0} {
		c.want(badarg, none, none, none, wrong)
		c.want(errno("ebadf"), pt.List{999}, none, none, wrong) // the sets are judged first
	}
	// A pipe becomes readable while the call waits.
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", pt.Binary(fifo), 0o600)
	fd := c.Int(c.to, "open", pt.Binary(fifo), pt.List{pt.Atom("o_rdwr")}, 0)
	c.want(okTuple(none, none, none), pt.List{fd}, none, none, now)
	c.Send(c.to, "select", pt.List{fd}, none, none, pt.List{})
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		c.t.Fatal(err)
	}
	defer f.Close()
	f.WriteString("x")
	c.Next(pt.Reply(c.to, okTuple(pt.List{fd}, none, none)))
}

func validSymlink(c *caller) {
	link := filepath.Join(c.t.TempDir(), "link")
	c.want(ok, pt.Binary("any text"), pt.Binary(link))
	if to, err := os.Readlink(link); to != "any text" {
		c.t.Errorf("link to %q, %v", to, err)
	}
	c.want(errno("eexist"), pt.Binary("any text"), pt.Binary(link))
	c.want(errno("enoent"), pt.Binary("x"), pt.Binary(link+"/no/such"))
}

func validUnlink(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		c.t.Fatal(err)
	}
	c.want(ok, pt.Binary(path))
	c.want(errno("enoent"), pt.Binary(path))
	c.want(errno("eisdir"), pt.Binary(c.t.TempDir()))
	c.want(errno("enotdir"), pt.Binary("/etc/passwd/x"))
}

func validWrite(c *caller) {
	path := filepath.Join(c.t.TempDir(), "file")
	fd := c.Int(c.to, "open", pt.Binary(path), pt.List{pt.Atom("o_wronly"), pt.Atom("o_creat")}, 0o600)
	big := pt.Bytes(65000)
	c.want(okTuple(5), fd, pt.Binary("hello"))
	c.want(okTuple(4), fd, pt.List{32, pt.String("wo"), pt.List{pt.List{pt.Binary("r")}}})
	c.want(okTuple(0), fd, pt.List{})
	c.want(okTuple(len(big)), fd, pt.Binary(big))
	if got, _ := os.ReadFile(path); string(got) != "hello wor"+big {
		c.t.Errorf("the file holds %d bytes, %.20q", len(got), got)
	}
	c.want(errno("ebadf"), -1, pt.Binary("x"))
	c.want(errno("ebadf"), 3, pt.Binary("x"))
	c.want(errno("enospc"), c.Int(c.to, "open", pt.Binary("/dev/full"), pt.List{pt.Atom("o_wronly")}, 0), pt.Binary("x"))
	// A pipe without a reader: the error, and the signal that goes with it.
	fifo := filepath.Join(c.t.TempDir(), "fifo")
	c.also(ok, "mkfifo", pt.Binary(fifo), 0o600)
	reader := c.Int(c.to, "open", pt.Binary(fifo), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_nonblock")}, 0)
	writer := c.Int(c.to, "open", pt.Binary(fifo), pt.List{pt.Atom("o_wronly")}, 0)
	c.also(ok, "close", reader)
	c.want(errno("epipe"), writer, pt.Binary("x"))
	c.SignalOf(c.to, "sigpipe")
	// Standard error of a process that has not exec'ed.
	c.want(okTuple(3), 2, pt.Binary("err"))
	c.Await(pt.Stderr(c.to, "err"))
}
