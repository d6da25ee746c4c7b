// SPDX-License-Identifier: ISC

package calls

import (
	"unsafe"

	"github.com/alcove-go/alcove/port"
	"github.com/alcove-go/alcove/port/sys"
)

// harms reports whether a system call would change what the process relies on, so
// that it could not go on serving or would not notice what happens to it: its
// memory, its signals, its descriptors and those of its children, and that it is
// told of their end.
//
// The names are those of all machines. Filters in the field are of no concern here:
// they see the system call.
func (c *Calls) harms(t *trap) bool {
	switch t.name {
	case "fork", "vfork", "clone", "clone3", "execve", "execveat", // calls of their own do it right
		"exit", // of a thread
		"rt_sigaction", "sigaction", "signal", "rt_sigprocmask", "sigprocmask", "ssetmask", "sigsuspend",
		"sigaltstack", "rt_sigreturn", "sigreturn", "uretprobe", "uprobe",
		"mmap", "mmap2", "munmap", "mremap", "mprotect", "pkey_mprotect", "madvise", "process_madvise",
		"remap_file_pages", "mseal", "map_shadow_stack", "brk", "shmat", "shmdt",
		"arch_prctl", "set_thread_area", "modify_ldt", "vm86", "vm86old", "set_tls",
		// The kernel keeps the pointer.
		"set_tid_address", "set_robust_list", "rseq", "userfaultfd", "vmsplice",
		"io_setup", "io_destroy", "io_submit", "io_cancel", "io_getevents", "io_pgetevents",
		"io_pgetevents_time64", "io_uring_setup", "io_uring_enter", "io_uring_register",
		// One number for many calls: these hide what is looked at here.
		"ipc", "socketcall", "syscall_base", "oabi_syscall_base",
		"wait4", "waitpid": // the call waitpid takes note of who has ended
		return true
	}
	return c.harmsFiles(t) || c.harmsSignals(t) || harmsBySwitch(t, c.p.Pid)
}

// harmsFiles: the fixed descriptors, and those of children, are not closed or
// replaced; frames and what else is on its way there is not read or written.
func (c *Calls) harmsFiles(t *trap) bool {
	a := &t.a
	switch t.name {
	case "close", "fcntl", "fcntl64":
		return c.vital(a[0], a[0])
	case "dup2", "dup3":
		return c.vital(a[1], a[1])
	case "close_range":
		return c.vital(a[0], a[1])
	case "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2",
		"recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64":
		return c.traffic(a[0])
	case "send":
		return c.traffic(a[0]) || a[3]&msgZerocopy != 0
	case "sendto", "sendmmsg":
		return c.traffic(a[0]) || a[3]&msgZerocopy != 0
	case "sendmsg":
		return c.traffic(a[0]) || a[2]&msgZerocopy != 0
	case "sendfile", "sendfile64", "tee":
		return c.traffic(a[0]) || c.traffic(a[1])
	case "splice", "copy_file_range":
		return c.traffic(a[0]) || c.traffic(a[2])
	}
	return false
}

// msgZerocopy is MSG_ZEROCOPY: the kernel reads the memory later.
const msgZerocopy = 0x4000000

// vital reports whether a range of descriptors, as the kernel sees them, has one that
// the process serves with.
func (c *Calls) vital(first, last uintptr) bool {
	return uint32(first) <= port.LastFixed || c.p.ServesWith(uint32(first), uint32(last))
}

// traffic does what vital does, for what is read or written: descriptor 2 is not the
// process's.
func (c *Calls) traffic(fd uintptr) bool {
	const stderr = 2
	return uint32(fd) != stderr && c.vital(fd, fd)
}

// harmsSignals looks at the signal masks that are in force while a system call
// sleeps: the process must be woken by its children, and by the end of those who
// called it, and die of a fault.
func (c *Calls) harmsSignals(t *trap) bool {
	switch t.name {
	case "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64":
		return t.a[0] == 0 || c.blocks(t.a[0])
	case "signalfd", "signalfd4":
		return c.blocks(t.a[1])
	case "ppoll", "ppoll_time64":
		return c.blocks(t.a[3])
	case "epoll_pwait", "epoll_pwait2":
		return c.blocks(t.a[4])
	case "pselect6", "pselect6_time64":
		return c.blocksBehind(t.a[5])
	}
	return false
}

// blocks reports whether a mask, if there is one, has a signal that must come, or
// cannot be looked at.
func (c *Calls) blocks(mask uintptr) bool {
	if mask == 0 {
		return false
	}
	b := c.mem.at(mask, maskSize)
	if b == nil {
		return true
	}
	for _, signo := range [...]int{
		sys.SIGCHLD, sys.SIGIO, sys.SIGSEGV, sys.SIGBUS, sys.SIGFPE, sys.SIGILL, sys.SIGTRAP,
	} {
		if b[(signo-1)>>3]&(1<<((signo-1)&7)) != 0 {
			return true
		}
	}
	return false
}

const maskSize = 8

// blocksBehind does what blocks does, for the last argument of pselect6: a structure that
// points to a mask.
func (c *Calls) blocksBehind(pair uintptr) bool {
	if pair == 0 {
		return false
	}
	b := c.mem.at(pair, 2*wordSize)
	return b == nil || c.blocks(*(*uintptr)(unsafe.Pointer(&b[0])))
}

// harmsBySwitch looks at calls whose first argument says what they do.
func harmsBySwitch(t *trap, pid int) bool {
	const (
		wnowait               = 0x1000000
		setMM                 = 35
		setSyscallDispatch    = 59
		setTaggedAddr         = 55
		setShadowStack        = 75
		lockShadowStackStatus = 76
	)
	a := &t.a
	switch t.name {
	case "prctl":
		switch uint32(a[0]) {
		case setMM, setSyscallDispatch, setTaggedAddr, setShadowStack, lockShadowStackStatus:
			return true
		}
	case "waitid": // without WNOWAIT a child would be collected
		return a[3]&wnowait == 0
	case "setrlimit": // the call setrlimit keeps descriptors within the limit
		return uint32(a[0]) == sys.RLIMIT_NOFILE
	case "prlimit64":
		self := uint32(a[0]) == 0 || uint32(a[0]) == uint32(pid)
		return self && uint32(a[1]) == sys.RLIMIT_NOFILE && a[2] != 0
	}
	return false
}
