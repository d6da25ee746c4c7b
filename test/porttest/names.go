// SPDX-License-Identifier: ISC

package porttest

import (
	"fmt"
	"strings"
)

// calls lists the calls in the order of their numbers, 0 to 99, with their arities. It is written
// down here a second time, apart from the list that the program is generated from, so that a slip
// in that one fails the tests.
const calls = `alloc/1 cap_constant/1 cap_enter/0 cap_fcntls_get/1 cap_fcntls_limit/2 cap_getmode/0 cap_ioctls_limit/2
cap_rights_limit/2 chdir/1 chmod/2 chown/3 chroot/1 clearenv/0 clone/1 clone_constant/1 close/1 connect/2 cpid/0
environ/0 errno_id/1 execve/3 execvp/2 exit/1 fcntl/3 fcntl_constant/1 fexecve/3 file_constant/1 filter/2 fork/0
getcwd/0 getenv/1 getgid/0 getgroups/0 gethostname/0 getopt/1 getpgrp/0 getpid/0 getpriority/2 getresgid/0
getresuid/0 getrlimit/1 getsid/1 getuid/0 ioctl/3 ioctl_constant/1 iolist_to_bin/1 jail/1 jail_attach/1
jail_remove/1 kill/2 link/2 lseek/3 mkdir/2 mkfifo/2 mount/6 mount_constant/1 open/3 pivot_root/2 pledge/2 prctl/5
prctl_constant/1 procctl/4 ptrace/4 ptrace_constant/1 read/2 readdir/1 rlimit_constant/1 rmdir/1 seccomp/3
seccomp_constant/1 select/4 setcpid/3 setenv/3 setgid/1 setgroups/1 sethostname/1 setns/2 setopt/2 setpgid/2
setpriority/3 setproctitle/1 setresgid/3 setresuid/3 setrlimit/2 setsid/0 setuid/1 sigaction/2 signal_constant/1
socket/3 symlink/2 syscall_constant/1 umount/1 umount2/2 unlink/1 unsetenv/1 unshare/1 unveil/2 version/0 waitpid/2
write/2`

// extensions lists the calls that the C port does not have, in the same way: 127, 126 and so on.
const extensions = `syscall/2 batch/1 getdents/1 watch/2`

const lastNumber = 127

// Names of all calls of the C port, by number.
func Names() []string { return names(calls) }

// Extensions returns the names of the other calls.
func Extensions() []string { return names(extensions) }

func names(list string) []string {
	var names []string
	for _, s := range strings.Fields(list) {
		name, _, _ := strings.Cut(s, "/")
		names = append(names, name)
	}
	return names
}

// Number of a call.
func Number(name string) int {
	number, _ := find(name)
	return number
}

// Arity of a call.
func Arity(name string) int {
	_, arity := find(name)
	return arity
}

func find(name string) (number, arity int) {
	for i, s := range strings.Fields(calls) {
		if strings.HasPrefix(s, name+"/") {
			return i, int(s[len(name)+1] - '0')
		}
	}
	for i, s := range strings.Fields(extensions) {
		if strings.HasPrefix(s, name+"/") {
			return lastNumber - i, int(s[len(name)+1] - '0')
		}
	}
	panic(fmt.Sprintf("porttest: no call %q", name))
}
