package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/alcove-go/alcove/test/porttest"
)

var namespaceCalls = map[string]call{
	"gethostname": {valid: validGethostname},
	"sethostname": {args: []argument{arg(hostName, Binary("host"))}, valid: validSethostname},
	"mount": {args: []argument{arg(nameKind, Binary("tmpfs")), somePath, arg(nameKind, Binary("tmpfs")),
		arg(positiveFlags, List{Atom("ms_nosuid")}), arg(iolistKind, List{}), arg(iolistKind, List{})}, valid: validMount},
	"pivot_root": {args: []argument{somePath, somePath}, valid: validPivotRoot},
	"setns":      {args: []argument{someFD, arg(oneOf, 0)}, valid: validSetns},
	"umount":     {args: []argument{somePath}, valid: validUmount},
	"umount2":    {args: []argument{somePath, arg(positiveFlags, List{Atom("mnt_detach")})}, valid: validUmount2},
	"unshare":    {args: []argument{arg(flags, List{})}, valid: validUnshare},
}

// hostName has C = 63.
var hostName = pathKind

// inNamespace is in for a child with mount and uts namespaces of its own.
func (c *caller) inNamespace() *caller {
	c.t.Helper()
	c.need("CAP_SYS_ADMIN", 21)
	b := c.in(c.Clone(c.to, "clone_newns", "clone_newuts"))
	b.also(ok, "mount", Binary("none"), Binary("/"), List{}, List{Atom("ms_rec"), Atom("ms_private")}, List{}, List{})
	return b
}

// bettered: gethostname returns names of 63 and 64 bytes.
func validGethostname(c *caller) {
	Linux(c.t, "/proc")
	name, err := os.Hostname()
	if err != nil {
		c.t.Fatal(err)
	}
	c.want(okTuple(Binary(name)))
	b := c.inNamespace()
	for _, n := range []int{1, 62, 63} {
		b.also(ok, "sethostname", Binary(strings.Repeat("h", n)))
		b.want(okTuple(Binary(strings.Repeat("h", n))))
	}
	// The port cannot set a name of 64 bytes, the kernel can.
	d := c.in(b.Fork(b.to))
	c.Exec(d.to, "/bin/sh", "-c", "echo "+strings.Repeat("k", 64)+" >/proc/sys/kernel/hostname; exit 0")
	c.Await(ExitStatus(d.to, 0))
	b.want(okTuple(Binary(strings.Repeat("k", 64))))
	c.want(okTuple(Binary(name)))
}

func validSethostname(c *caller) {
	before := c.Call(c.to, "gethostname")
	b := c.inNamespace()
	for _, n := range []struct {
		name Term
		want string
	}{
		{Binary("one"), "one"}, {String("two"), "two"}, {List{116, String("hree")}, "three"},
		{Binary(strings.Repeat("x", 63)), strings.Repeat("x", 63)}, {String(strings.Repeat("y", 62)), strings.Repeat("y", 62)},
	} {
		b.want(ok, n.name)
		b.also(okTuple(Binary(n.want)), "gethostname")
	}
	b.want(badarg, Binary(strings.Repeat("x", 64)))
	b.want(badarg, String(strings.Repeat("x", 63)))
	b.want(badarg, List{})
	b.want(badarg, Binary("four\x00five"))
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), Binary("x"))
	c.also(before, "gethostname")
}

// mounts lists what is mounted for a process.
func mounts(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
	return string(b)
}

func validMount(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	none := List{}
	b.want(ok, Binary("any"), Binary(dir), Binary("tmpfs"), List{Atom("ms_noexec"), Atom("nosuid"), Atom("MS_NODEV")}, Binary("size=1m,mode=700"), none)
	if m := mounts(b.to.Pid()); !strings.Contains(m, dir+" rw,nosuid,nodev,noexec,relatime") || !strings.Contains(m, "size=1024k,mode=700") {
		c.t.Errorf("mounts of the process:\n%s", m)
	}
	if m := mounts(c.to.Pid()); strings.Contains(m, dir+" ") {
		c.t.Error("the mount is seen outside the namespace")
	}
	b.want(ok, none, Binary(dir), none, List{Atom("ms_remount"), Atom("rdonly")}, none, Binary("ignored"))
	b.also(errno("erofs"), "mkdir", Binary(dir+"/x"), 0o700)
	other := c.t.TempDir()
	b.want(ok, Binary("/etc"), Binary(other), Binary(""), List{Atom("ms_bind")}, none, none)
	if _, found := b.Call(b.to, "open", Binary(other+"/passwd"), none, 0).(Tuple); !found {
		c.t.Error("bind mount does not show /etc/passwd")
	}
	b.want(errno("enoent"), Binary("any"), Binary("/no/such/folder"), Binary("tmpfs"), none, none, none)
	b.want(errno("enodev"), Binary("any"), Binary(dir), Binary("nosuchfs"), none, none, none)
	b.want(errno("enodev"), Binary("any"), Binary(dir), Binary("\x00"), none, none, none)
	b.want(badarg, Binary("any\x00x"), Binary(dir), Binary("tmpfs"), none, none, none)
	b.want(badarg, Binary("any"), Binary(dir+"\x00x"), Binary("tmpfs"), none, none, none)
	b.want(badarg, Binary("any"), Binary(dir), Binary("tmpfs\x00x"), none, none, none)
	b.want(ok, Binary("any"), Binary(dir), Binary("tmpfs"), none, Binary("size=1m\x00"), none) // data is no name
	b.want(errno("enotsup"), Binary("any"), Binary(dir), Binary("tmpfs"), List{Atom("ms_none")}, Atom("x"), Atom("x"))
	// Flags that do not fit in 31 bits.
	for _, flags := range []Term{List{Atom("ms_nouser")}, List{Atom("ms_mgc_val")}, List{Atom("ms_mgc_msk")}, -1, List{-1}, 1 << 31, Atom("ms_bind")} {
		b.want(badarg, Binary("any"), Binary(dir), Binary("tmpfs"), flags, none, none)
	}
	b.want(badarg, Binary("any"), none, Binary("tmpfs"), none, none, none)
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), Binary("any"), Binary("/"), Binary("tmpfs"), none, none, none)
}

func validUmount(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	b.also(ok, "mount", Binary("any"), Binary(dir), Binary("tmpfs"), List{}, List{}, List{})
	b.also(ok, "mkdir", Binary(dir+"/inside"), 0o700)
	b.also(ok, "chdir", Binary(dir))
	b.want(errno("ebusy"), Binary(dir))
	b.also(ok, "chdir", Binary("/"))
	b.want(ok, Binary(dir))
	b.also(errno("enoent"), "chdir", Binary(dir+"/inside"))
	b.want(errno("einval"), Binary(dir))
	b.want(errno("enoent"), Binary(dir+"/no"))
}

func validUmount2(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	for _, flags := range []Term{List{Atom("mnt_detach")}, 2, List{Atom("MNT_DETACH"), Atom("umount_nofollow")}, String("\x02")} {
		b.also(ok, "mount", Binary("any"), Binary(dir), Binary("tmpfs"), List{}, List{}, List{})
		b.also(ok, "chdir", Binary(dir))
		b.want(errno("ebusy"), Binary(dir), List{})
		b.want(ok, Binary(dir), flags)
		b.also(ok, "chdir", Binary("/"))
	}
	b.want(errno("einval"), Binary(dir), List{})
	b.want(errno("enotsup"), Binary(dir), List{Atom("mnt_none")})
	b.want(badarg, Binary(dir), List{Atom("ms_nouser")})
	b.want(badarg, Binary(dir), Atom("mnt_detach"))
	b.want(badarg, Binary(dir), -1)
}

func validPivotRoot(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	b.want(errno("enoent"), Binary("/no/such/folder"), Binary("/tmp"))
	b.want(errno("ebusy"), Binary("/"), Binary("/"))
	b.also(ok, "mount", Binary("any"), Binary(dir), Binary("tmpfs"), List{}, List{}, List{})
	b.also(ok, "mkdir", Binary(dir+"/old"), 0o700)
	b.also(ok, "chdir", Binary(dir))
	b.want(ok, Binary("."), Binary("old"))
	b.also(ok, "chdir", Binary("/"))
	b.also(okTuple(Chained{Binary("."), Binary(".."), Binary("old")}), "readdir", Binary("/"))
	b.also(ok, "umount2", Binary("/old"), List{Atom("mnt_detach")})
	b.also(ok, "rmdir", Binary("/old"))
	b.also(okTuple(Chained{Binary("."), Binary("..")}), "readdir", Binary("/"))
	b.also(errno("enoent"), "execvp", Binary("/bin/true"), argv("true"))
	d := b.fork()
	d.also(okTuple(Binary("/")), "getcwd")
	if _, err := os.Stat(filepath.Join(dir, "old")); !os.IsNotExist(err) {
		c.t.Errorf("outside the namespace: %v", err)
	}
}

func validSetns(c *caller) {
	Linux(c.t, "/proc")
	c.need("CAP_SYS_ADMIN", 21)
	b := c.in(c.Clone(c.to, "clone_newuts", "clone_newns", "clone_newnet", "clone_newipc"))
	b.also(ok, "sethostname", Binary("inside"))
	d := c.fork()
	open := func(of *caller, ns string) int {
		path := fmt.Sprintf("/proc/%d/ns/%s", of.to.Pid(), ns)
		return c.Int(d.to, "open", Binary(path), List{Atom("o_rdonly"), Atom("o_cloexec")}, 0)
	}
	uts := open(b, "uts")
	d.want(errno("einval"), uts, Atom("clone_newnet"))
	d.want(ok, uts, Atom("clone_newuts"))
	d.also(okTuple(Binary("inside")), "gethostname")
	for _, ns := range []string{"net", "ipc", "mnt"} {
		d.want(ok, open(b, ns), 0)
		mine, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", d.to.Pid(), ns))
		theirs, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", b.to.Pid(), ns))
		if mine != theirs {
			c.t.Errorf("namespace %s after setns, want %s", mine, theirs)
		}
	}
	d.want(errno("ebadf"), -1, 0)
	d.want(errno("einval"), 0, 0)
	d.want(errno("enotsup"), uts, Atom("clone_none"))
	d.want(badarg, uts, List{})
	// A user namespace can be joined by a process with one thread only.
	u := c.in(c.Clone(c.to, "clone_newuser"))
	e := c.fork()
	path := fmt.Sprintf("/proc/%d/ns/user", u.to.Pid())
	fd := c.Int(e.to, "open", Binary(path), List{}, 0)
	e.want(ok, fd, Atom("clone_newuser"))
	e.also(65534, "getuid")
}

func validUnshare(c *caller) {
	Linux(c.t, "/proc")
	c.need("CAP_SYS_ADMIN", 21)
	c.want(ok, List{})
	c.want(ok, 0)
	c.want(errno("enotsup"), List{Atom("clone_none")})
	c.want(badarg, Atom("clone_newns"))
	c.want(errno("einval"), -1)
	for flag, ns := range map[string]string{"clone_newns": "mnt", "clone_newuts": "uts", "clone_newnet": "net", "clone_newipc": "ipc"} {
		b := c.fork()
		b.want(ok, List{Atom(flag)})
		mine, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", b.to.Pid(), ns))
		theirs, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", c.to.Pid(), ns))
		if mine == theirs || mine == "" {
			c.t.Errorf("%s: namespace %s", flag, mine)
		}
	}
	// Later children are in the new pid namespace.
	b := c.fork()
	b.want(ok, List{Atom("clone_newpid")})
	d := b.fork()
	d.also(1, "getpid")
	// These need a process with one thread: also the port itself.
	e := c.fork()
	e.want(ok, List{Atom("clone_newuser"), Atom("clone_newns")})
	e.also(65534, "getuid")
	f := c.fork()
	f.want(ok, 0x10000) // CLONE_THREAD
	f.want(ok, 0x800|0x100|0x10000)
}

// unshare and setns of user and mount namespaces work in the top-level port too.
func TestTopLevelPortHasTheRightsOfOneThread(t *testing.T) {
	Linux(t, "/proc")
	Need(t, "CAP_SYS_ADMIN", 21)
	p := Start(t)
	p.Want(ok, nil, "unshare", List{Atom("clone_newns")})
	fd := p.Int(nil, "open", Binary(fmt.Sprintf("/proc/%d/ns/mnt", os.Getpid())), List{}, 0)
	p.Want(ok, nil, "setns", fd, Atom("clone_newns"))
	a := p.Clone(nil, "clone_newuser")
	user := p.Int(nil, "open", Binary(fmt.Sprintf("/proc/%d/ns/user", a.Pid())), List{}, 0)
	p.Want(ok, nil, "setns", user, Atom("clone_newuser"))
	p.Want(65534, nil, "getuid")
	q := Start(t)
	q.Want(ok, nil, "unshare", List{Atom("clone_newuser"), Atom("clone_newuts")})
	q.Want(65534, nil, "getuid")
	q.Want(ok, nil, "sethostname", Binary("mine"))
	b := q.Fork(nil)
	q.Want(okTuple(Binary("mine")), b, "gethostname")
}
