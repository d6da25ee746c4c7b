// Package calls is what each call of the protocol does: it decodes the
// arguments, acts, and encodes the reply.
//
// About seventy of the hundred calls have no more meaning than "decode these,
// make this system call, reply so". They are rows of the table (table_linux.go),
// in the order of their numbers. The others are methods of Calls, one file per
// family:
//
//	process.go, wait.go     fork, exit, waitpid
//	clone_linux.go          clone
//	exec.go, path.go        execve, execvp, fexecve
//	env.go, environment.go  getenv and its kin
//	file.go                 close, read, write, lseek and what takes descriptors
//	directory_linux.go      getcwd, readdir
//	identity.go             users, groups, host name
//	limits.go               getrlimit, setrlimit
//	options.go, child.go    getopt, setopt, filter, cpid, setcpid
//	signal.go               sigaction
//	socket.go               connect
//	select_linux.go         select
//	title.go                setproctitle
//	memory.go               alloc, ioctl
//	prctl_linux.go, trace_linux.go, seccomp_linux.go
//
// To add a call: append it to the list in c_src_compat, run go generate, give
// it a row here, and describe it to the Erlang side.
//
// Nothing here allocates once New has returned, but for an environment that
// outgrows the memory it has. Arguments are built in an arena that is reused
// from call to call.
package calls
