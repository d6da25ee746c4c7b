// SPDX-License-Identifier: ISC

package gate

// What FreeBSD allows in capability mode (cap_enter(2)), of the system calls that port/sys has
// names for: those with the flag CAPENABLED in syscalls.master of FreeBSD 15. Others return
// ECAPMODE. That it is so has not been tried here: there is no FreeBSD.
var (
	// CapabilityAllows are allowed, most of them within the rights of a descriptor:
	// kill(2) for the process itself, __sysctl(2) for some names.
	CapabilityAllows = []string{
		"CAP_ENTER", "CAP_FCNTLS_GET", "CAP_FCNTLS_LIMIT", "CAP_GETMODE", "CAP_IOCTLS_LIMIT", "CAP_RIGHTS_LIMIT",
		"CLOSE", "CLOSE_RANGE", "DUP2", "EXIT", "FCNTL", "FEXECVE", "FORK", "FSTAT", "GETDIRENTRIES", "GETGID", "GETGROUPS",
		"GETPGID", "GETPID", "GETPRIORITY", "GETRESGID", "GETRESUID", "GETRLIMIT", "GETSID", "GETSOCKOPT", "GETUID", "IOCTL",
		"KILL", "LSEEK", "MADVISE", "MMAP", "PIPE2", "POLL", "PPOLL", "PSELECT", "READ", "SETGID",
		"SETPRIORITY", "SETRESGID", "SETRESUID", "SETRLIMIT", "SETSID", "SETUID", "SIGACTION", "SIGPROCMASK", "SIGRETURN",
		"SOCKET", "SOCKETPAIR", "SYSARCH", "THR_EXIT", "UMASK", "WRITE", "WRITEV",
		"__SYSCTL",
	}

	// CapabilityAllowsBelow are allowed for names below a directory that is open, and
	// refused for AT_FDCWD.
	CapabilityAllowsBelow = []string{
		"FCHMODAT", "FCHOWNAT", "LINKAT", "MKDIRAT", "MKFIFOAT", "MKNODAT", "OPENAT", "SYMLINKAT", "UNLINKAT",
	}

	CapabilityRefuses = []string{
		"CHDIR", "CHROOT", "CONNECT", "EXECVE", "JAIL", "JAIL_ATTACH", "JAIL_REMOVE", "LINK", "MOUNT", "PROCCTL", "PTRACE",
		"SETGROUPS", "SETPGID", "UNMOUNT", "WAIT4", "__GETCWD",
	}
)
