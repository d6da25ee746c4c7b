// SPDX-License-Identifier: ISC

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

var namespaceCalls = map[string]call{
	"gethostname": {valid: validGethostname},
	"sethostname": {args: []argument{arg(hostName, pt.Binary("host"))}, valid: validSethostname},
	"mount": {args: []argument{arg(nameKind, pt.Binary("tmpfs")), somePath, arg(nameKind, pt.Binary("tmpfs")),
		arg(positiveFlags, pt.List{pt.Atom("ms_nosuid")}), arg(iolistKind, pt.List{}), arg(iolistKind, pt.List{})}, valid: validMount},
	"pivot_root": {args: []argument{somePath, somePath}, valid: validPivotRoot},
	"setns":      {args: []argument{someFD, arg(oneOf, 0)}, valid: validSetns},
	"umount":     {args: []argument{somePath}, valid: validUmount},
	"umount2":    {args: []argument{somePath, arg(positiveFlags, pt.List{pt.Atom("mnt_detach")})}, valid: validUmount2},
	"unshare":    {args: []argument{arg(flags, pt.List{})}, valid: validUnshare},
}

// hostName has C = 63.
var hostName = pathKind

// inNamespace does what in does, for a child with mount and uts namespaces of its own.
func (c *caller) inNamespace() *caller {
	c.t.Helper()
	c.need("CAP_SYS_ADMIN", 21)
	b := c.in(c.Clone(c.to, "clone_newns", "clone_newuts"))
	b.also(ok, "mount", pt.Binary("none"), pt.Binary("/"), pt.List{}, pt.List{pt.Atom("ms_rec"), pt.Atom("ms_private")}, pt.List{}, pt.List{})
	return b
}

// bettered: gethostname returns names of 63 and 64 bytes.
func validGethostname(c *caller) {
	pt.Linux(c.t, "/proc")
	name, err := os.Hostname()
	if err != nil {
		c.t.Fatal(err)
	}
	c.want(okTuple(pt.Binary(name)))
	b := c.inNamespace()
	for _, n := range []int{1, 62, 63} {
		b.also(ok, "sethostname", pt.Binary(strings.Repeat("h", n)))
		b.want(okTuple(pt.Binary(strings.Repeat("h", n))))
	}
	// The port cannot set a name of 64 bytes, the kernel can.
	d := c.in(b.Fork(b.to))
	c.Exec(d.to, "/bin/sh", "-c", "echo "+strings.Repeat("k", 64)+" >/proc/sys/kernel/hostname; exit 0")
	c.Await(pt.ExitStatus(d.to, 0))
	b.want(okTuple(pt.Binary(strings.Repeat("k", 64))))
	c.want(okTuple(pt.Binary(name)))
}

func validSethostname(c *caller) {
	before := c.Call(c.to, "gethostname")
	b := c.inNamespace()
	for _, n := range []struct {
		name pt.Term
		want string
	}{
		{pt.Binary("one"), "one"}, {pt.String("two"), "two"}, {pt.List{116, pt.String("hree")}, "three"},
		{pt.Binary(strings.Repeat("x", 63)), strings.Repeat("x", 63)}, {pt.String(strings.Repeat("y", 62)), strings.Repeat("y", 62)},
	} {
		b.want(ok, n.name)
		b.also(okTuple(pt.Binary(n.want)), "gethostname")
	}
	b.want(badarg, pt.Binary(strings.Repeat("x", 64)))
	b.want(badarg, pt.String(strings.Repeat("x", 63)))
	b.want(badarg, pt.List{})
	b.want(badarg, pt.Binary("four\x00five"))
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), pt.Binary("x"))
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
	none := pt.List{}
	b.want(ok, pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{pt.Atom("ms_noexec"), pt.Atom("nosuid"), pt.Atom("MS_NODEV")}, pt.Binary("size=1m,mode=700"), none)
	if m := mounts(b.to.Pid()); !strings.Contains(m, dir+" rw,nosuid,nodev,noexec,relatime") || !strings.Contains(m, "size=1024k,mode=700") {
		c.t.Errorf("mounts of the process:\n%s", m)
	}
	if m := mounts(c.to.Pid()); strings.Contains(m, dir+" ") {
		c.t.Error("the mount is seen outside the namespace")
	}
	b.want(ok, none, pt.Binary(dir), none, pt.List{pt.Atom("ms_remount"), pt.Atom("rdonly")}, none, pt.Binary("ignored"))
	b.also(errno("erofs"), "mkdir", pt.Binary(dir+"/x"), 0o700)
	other := c.t.TempDir()
	b.want(ok, pt.Binary("/etc"), pt.Binary(other), pt.Binary(""), pt.List{pt.Atom("ms_bind")}, none, none)
	if _, found := b.Call(b.to, "open", pt.Binary(other+"/passwd"), none, 0).(pt.Tuple); !found {
		c.t.Error("bind mount does not show /etc/passwd")
	}
	b.want(errno("enoent"), pt.Binary("any"), pt.Binary("/no/such/folder"), pt.Binary("tmpfs"), none, none, none)
	b.want(errno("enodev"), pt.Binary("any"), pt.Binary(dir), pt.Binary("nosuchfs"), none, none, none)
	b.want(errno("enodev"), pt.Binary("any"), pt.Binary(dir), pt.Binary("\x00"), none, none, none)
	b.want(badarg, pt.Binary("any\x00x"), pt.Binary(dir), pt.Binary("tmpfs"), none, none, none)
	b.want(badarg, pt.Binary("any"), pt.Binary(dir+"\x00x"), pt.Binary("tmpfs"), none, none, none)
	b.want(badarg, pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs\x00x"), none, none, none)
	b.want(ok, pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), none, pt.Binary("size=1m\x00"), none) // data is no name
	b.want(errno("enotsup"), pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{pt.Atom("ms_none")}, pt.Atom("x"), pt.Atom("x"))
	// Flags that do not fit in 31 bits.
	for _, flags := range []pt.Term{pt.List{pt.Atom("ms_nouser")}, pt.List{pt.Atom("ms_mgc_val")}, pt.List{pt.Atom("ms_mgc_msk")}, -1, pt.List{-1}, 1 << 31, pt.Atom("ms_bind")} {
		b.want(badarg, pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), flags, none, none)
	}
	b.want(badarg, pt.Binary("any"), none, pt.Binary("tmpfs"), none, none, none)
	b.also(ok, "setuid", 54321)
	b.want(errno("eperm"), pt.Binary("any"), pt.Binary("/"), pt.Binary("tmpfs"), none, none, none)
}

func validUmount(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	b.also(ok, "mount", pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{}, pt.List{}, pt.List{})
	b.also(ok, "mkdir", pt.Binary(dir+"/inside"), 0o700)
	b.also(ok, "chdir", pt.Binary(dir))
	b.want(errno("ebusy"), pt.Binary(dir))
	b.also(ok, "chdir", pt.Binary("/"))
	b.want(ok, pt.Binary(dir))
	b.also(errno("enoent"), "chdir", pt.Binary(dir+"/inside"))
	b.want(errno("einval"), pt.Binary(dir))
	b.want(errno("enoent"), pt.Binary(dir+"/no"))
}

func validUmount2(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	for _, flags := range []pt.Term{pt.List{pt.Atom("mnt_detach")}, 2, pt.List{pt.Atom("MNT_DETACH"), pt.Atom("umount_nofollow")}, pt.String("\x02")} {
		b.also(ok, "mount", pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{}, pt.List{}, pt.List{})
		b.also(ok, "chdir", pt.Binary(dir))
		b.want(errno("ebusy"), pt.Binary(dir), pt.List{})
		b.want(ok, pt.Binary(dir), flags)
		b.also(ok, "chdir", pt.Binary("/"))
	}
	b.want(errno("einval"), pt.Binary(dir), pt.List{})
	b.want(errno("enotsup"), pt.Binary(dir), pt.List{pt.Atom("mnt_none")})
	b.want(badarg, pt.Binary(dir), pt.List{pt.Atom("ms_nouser")})
	b.want(badarg, pt.Binary(dir), pt.Atom("mnt_detach"))
	b.want(badarg, pt.Binary(dir), -1)
}

func validPivotRoot(c *caller) {
	b := c.inNamespace()
	dir := c.t.TempDir()
	b.want(errno("enoent"), pt.Binary("/no/such/folder"), pt.Binary("/tmp"))
	b.want(errno("ebusy"), pt.Binary("/"), pt.Binary("/"))
	b.also(ok, "mount", pt.Binary("any"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{}, pt.List{}, pt.List{})
	b.also(ok, "mkdir", pt.Binary(dir+"/old"), 0o700)
	b.also(ok, "chdir", pt.Binary(dir))
	b.want(ok, pt.Binary("."), pt.Binary("old"))
	b.also(ok, "chdir", pt.Binary("/"))
	b.also(okTuple(pt.Chained{pt.Binary("."), pt.Binary(".."), pt.Binary("old")}), "readdir", pt.Binary("/"))
	b.also(ok, "umount2", pt.Binary("/old"), pt.List{pt.Atom("mnt_detach")})
	b.also(ok, "rmdir", pt.Binary("/old"))
	b.also(okTuple(pt.Chained{pt.Binary("."), pt.Binary("..")}), "readdir", pt.Binary("/"))
	b.also(errno("enoent"), "execvp", pt.Binary("/bin/true"), argv("true"))
	d := b.fork()
	d.also(okTuple(pt.Binary("/")), "getcwd")
	if _, err := os.Stat(filepath.Join(dir, "old")); !os.IsNotExist(err) {
		c.t.Errorf("outside the namespace: %v", err)
	}
}

func validSetns(c *caller) {
	pt.Linux(c.t, "/proc")
	c.need("CAP_SYS_ADMIN", 21)
	b := c.in(c.Clone(c.to, "clone_newuts", "clone_newns", "clone_newnet", "clone_newipc"))
	b.also(ok, "sethostname", pt.Binary("inside"))
	d := c.fork()
	open := func(of *caller, ns string) int {
		path := fmt.Sprintf("/proc/%d/ns/%s", of.to.Pid(), ns)
		return c.Int(d.to, "open", pt.Binary(path), pt.List{pt.Atom("o_rdonly"), pt.Atom("o_cloexec")}, 0)
	}
	uts := open(b, "uts")
	d.want(errno("einval"), uts, pt.Atom("clone_newnet"))
	d.want(ok, uts, pt.Atom("clone_newuts"))
	d.also(okTuple(pt.Binary("inside")), "gethostname")
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
	d.want(errno("enotsup"), uts, pt.Atom("clone_none"))
	d.want(badarg, uts, pt.List{})
	// A user namespace can be joined by a process with one thread only.
	u := c.in(c.Clone(c.to, "clone_newuser"))
	e := c.fork()
	path := fmt.Sprintf("/proc/%d/ns/user", u.to.Pid())
	fd := c.Int(e.to, "open", pt.Binary(path), pt.List{}, 0)
	e.want(ok, fd, pt.Atom("clone_newuser"))
	e.also(65534, "getuid")
}

func validUnshare(c *caller) {
	pt.Linux(c.t, "/proc")
	c.need("CAP_SYS_ADMIN", 21)
	c.want(ok, pt.List{})
	c.want(ok, 0)
	c.want(errno("enotsup"), pt.List{pt.Atom("clone_none")})
	c.want(badarg, pt.Atom("clone_newns"))
	c.want(errno("einval"), -1)
	for flag, ns := range map[string]string{"clone_newns": "mnt", "clone_newuts": "uts", "clone_newnet": "net", "clone_newipc": "ipc"} {
		b := c.fork()
		b.want(ok, pt.List{pt.Atom(flag)})
		mine, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", b.to.Pid(), ns))
		theirs, _ := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", c.to.Pid(), ns))
		if mine == theirs || mine == "" {
			c.t.Errorf("%s: namespace %s", flag, mine)
		}
	}
	// Later children are in the new pid namespace.
	b := c.fork()
	b.want(ok, pt.List{pt.Atom("clone_newpid")})
	d := b.fork()
	d.also(1, "getpid")
	// These need a process with one thread: also the port itself.
	e := c.fork()
	e.want(ok, pt.List{pt.Atom("clone_newuser"), pt.Atom("clone_newns")})
	e.also(65534, "getuid")
	f := c.fork()
	f.want(ok, 0x10000) // CLONE_THREAD
	f.want(ok, 0x800|0x100|0x10000)
}

// unshare and setns of user and mount namespaces work in the top-level port too.
func TestTopLevelPortHasTheRightsOfOneThread(t *testing.T) {
	pt.Linux(t, "/proc")
	pt.Need(t, "CAP_SYS_ADMIN", 21)
	p := pt.Start(t)
	p.Want(ok, nil, "unshare", pt.List{pt.Atom("clone_newns")})
	fd := p.Int(nil, "open", pt.Binary(fmt.Sprintf("/proc/%d/ns/mnt", os.Getpid())), pt.List{}, 0)
	p.Want(ok, nil, "setns", fd, pt.Atom("clone_newns"))
	a := p.Clone(nil, "clone_newuser")
	user := p.Int(nil, "open", pt.Binary(fmt.Sprintf("/proc/%d/ns/user", a.Pid())), pt.List{}, 0)
	p.Want(ok, nil, "setns", user, pt.Atom("clone_newuser"))
	p.Want(65534, nil, "getuid")
	q := pt.Start(t)
	q.Want(ok, nil, "unshare", pt.List{pt.Atom("clone_newuser"), pt.Atom("clone_newuts")})
	q.Want(65534, nil, "getuid")
	q.Want(ok, nil, "sethostname", pt.Binary("mine"))
	b := q.Fork(nil)
	q.Want(okTuple(pt.Binary("mine")), b, "gethostname")
}
