//go:build linux

// SPDX-License-Identifier: ISC

package test

import (
	"math/rand/v2"
	"strings"
	"testing"

	pt "github.com/alcove-go/alcove/test/porttest"
)

// randomCalls are the system calls that are tried with random arguments: all whose purpose is not
// to end, stop, limit or block their caller, or to change the machine beyond its namespaces. Those
// that are refused for the harm that they would do are among them.
const randomCalls = `
access add_key arch_prctl brk capget clone clone3 close close_range copy_file_range creat dup dup2 dup3
epoll_create epoll_create1 epoll_ctl eventfd eventfd2 execve execveat exit faccessat faccessat2 fadvise64 fallocate
fchdir fchmod fchmodat fchown fchownat fcntl fdatasync fgetxattr flistxattr fork fremovexattr fsconfig fsetxattr
fsmount fsopen fspick fstat fstatfs fsync ftruncate futimesat get_mempolicy get_robust_list getcwd getdents64 getegid
geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid getpriority getrandom getresgid getresuid
getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getxattr inotify_add_watch inotify_init
inotify_init1 inotify_rm_watch io_setup io_uring_setup ioprio_get kcmp landlock_add_rule landlock_create_ruleset lchown
lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier
memfd_create mincore mkdir mkdirat mknod mknodat mmap modify_ldt mount_setattr move_mount mprotect mremap mseal msync
munmap name_to_handle_at newfstatat open openat openat2 open_tree pidfd_getfd pidfd_open pipe pipe2 pkey_alloc pkey_free
pkey_mprotect preadv preadv2 process_madvise process_vm_readv pwritev pwritev2
read readahead readlink readlinkat readv recvfrom recvmsg remap_file_pages removexattr rename renameat renameat2 rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigreturn sched_get_priority_max sched_get_priority_min sched_getaffinity
sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval sched_yield sendfile sendmsg sendto
set_robust_list set_tid_address setxattr shmat shmdt shmget shmctl sigaltstack signalfd signalfd4 socket socketpair splice
stat statfs statx symlink symlinkat sync_file_range sysinfo tee time timer_create timer_delete timer_getoverrun timerfd_create
timerfd_gettime times truncate umask uname unlink unlinkat uretprobe userfaultfd utime utimensat utimes vfork vmsplice wait4
write writev`

func randomArgument(r *rand.Rand, levels int) pt.Term {
	switch n := r.IntN(10); {
	case n < 3:
		return r.IntN(12)
	case n == 3:
		return -r.IntN(200)
	case n == 4:
		return uint64(1)<<63 | r.Uint64()
	case n == 5:
		return pt.List{}
	case n == 6:
		return pt.Binary("x\x00")
	case n == 7:
		return pt.Binary(strings.Repeat("\x00", r.IntN(300)))
	case n == 8 && levels > 0:
		return pt.List{pt.Binary("12345678"), pt.Tuple{pt.Atom("ptr"), r.IntN(100)}, pt.Tuple{pt.Atom("ptr"), randomStructure(r, levels-1)}}
	}
	return pt.Atom("o_rdwr")
}

func randomStructure(r *rand.Rand, levels int) pt.Term {
	if levels == 0 {
		return pt.Binary("contents")
	}
	return pt.List{pt.Binary("123"), pt.Tuple{pt.Atom("ptr"), randomStructure(r, levels-1)}}
}

// A process makes 1,000 random system calls and answers after each.
func TestProcessServesOnWhateverSystemCallsItMakes(t *testing.T) {
	names := strings.Fields(randomCalls)
	known := constants(t, "syscall")
	p := pt.Start(t)
	pt.Need(t, "CAP_SYS_ADMIN", 21)
	extend(p, nil)
	a := p.Clone(nil, "clone_newns", "clone_newpid", "clone_newnet", "clone_newipc", "clone_newuts")
	p.OK(a, "mount", pt.Binary("none"), pt.Binary("/"), pt.Binary(""), pt.List{pt.Atom("ms_rec"), pt.Atom("ms_private")}, pt.Binary(""), pt.Binary(""))
	dir := t.TempDir()
	p.OK(a, "mount", pt.Binary("none"), pt.Binary(dir), pt.Binary("tmpfs"), pt.List{}, pt.Binary("size=1m"), pt.Binary(""))
	p.OK(a, "chroot", pt.Binary(dir))
	p.OK(a, "chdir", pt.Binary("/"))
	const seed = 15
	r := rand.New(rand.NewPCG(seed, seed))
	made, failed := 0, map[string]int{}
	b := p.Fork(a)
	for made < 1000 {
		name := names[r.IntN(len(names))]
		if _, there := known["sys_"+name]; !there {
			continue
		}
		args := make(pt.Tuple, r.IntN(7))
		for i := range args {
			args[i] = randomArgument(r, 2)
		}
		reply, _ := p.Call(b, "syscall", pt.Atom("sys_"+name), args).(pt.Tuple)
		if len(reply) == 0 {
			t.Fatalf("%s %s is no call", name, pt.Format(args))
		}
		if reply[0] != pt.Atom("ok") {
			failed[string(reply[1].(pt.Atom))]++
		}
		p.Int(b, "getpid")
		if r.IntN(10) == 0 { // most stay to see what comes of many calls
			p.Stop(b)
			b = p.Fork(a)
		}
		made++
	}
	if failed["einval"] == 0 || len(failed) < 5 {
		t.Errorf("failures: %v", failed)
	}
	t.Logf("%d system calls, failures: %v", made, failed)
}
