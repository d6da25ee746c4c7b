// SPDX-License-Identifier: ISC

// Package calls makes the calls of the protocol: it decodes the arguments,
// acts, and encodes the reply. It is no API for others.
//
// A call with no more meaning than "decode these, make this system call,
// reply so" is a row of the table (table.go). Rows are in the order of their
// numbers; those that differ from system to system are in table_linux.go and
// table_freebsd.go. The others are methods of Calls, one file per family:
//
//	process.go, wait.go       fork, exit, waitpid
//	version.go                version
//	clone_linux.go            clone
//	jail_freebsd.go           jail
//	capsicum_freebsd.go       cap_getmode, cap_rights_limit and their like
//	procctl_freebsd.go        procctl
//	mount_freebsd.go          mount
//	exec.go, search.go        execve, execvp, fexecve
//	getenv.go, environment.go environ, getenv, setenv, unsetenv, clearenv
//	file.go                   close, read, write
//	directory.go              getcwd, readdir, getdents
//	identity.go               ids, groups
//	hostname_linux.go         gethostname, sethostname; also hostname_freebsd.go
//	limits.go                 getrlimit, setrlimit
//	priority_linux.go         getpriority; also priority_freebsd.go
//	options.go, child.go      getopt, setopt, filter, cpid, setcpid
//	signal.go                 sigaction
//	socket.go                 connect
//	select.go                 select
//	title_linux.go            setproctitle; also title_freebsd.go
//	memory.go                 alloc, ioctl, iolist_to_bin
//	prctl_linux.go            prctl
//	trace_linux.go            ptrace
//	seccomp_linux.go          seccomp
//	constant.go               errno_id and the calls that tell constants
//	batch.go                  batch
//	watch.go                  watch
//	syscall_linux.go          syscall, and harm_linux.go what it refuses
//
// calls.go finds the row of a call and runs it. argument.go, constant.go, cstruct.go
// and ptrarg.go read arguments into the memory of arena.go; reply.go writes replies.
//
// To add a call: append its function to the list in c_src_compat, run go
// generate, and give it a row in the table.
//
// Nothing here allocates once Init has returned, except an environment that
// outgrows the memory it has. Arguments are built in an arena that is reused
// from call to call.
package calls
