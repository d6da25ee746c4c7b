// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// The calls by their numbers. Each makes the system calls that libc makes for it,
// and no others: lists of allowed system calls in the field name these.
// What is different on each system has a name here, such as cloneCall, and its
// meaning in table_linux.go and table_freebsd.go, or table_paths.go and table_at.go
// where it depends on the machine.
//
// The linker writes all of it into the program: no code runs for it. So there are
// functions, but no closures, and constants are found by the row's list of names.
var table = [callLimit]call{
	nrAlloc:           {run: (*Calls).alloc},
	nrCapConstant:     capConstantCall,
	nrCapEnter:        capEnterCall,
	nrCapFcntlsGet:    capFcntlsGetCall,
	nrCapFcntlsLimit:  capFcntlsLimitCall,
	nrCapGetmode:      capGetmodeCall,
	nrCapIoctlsLimit:  capIoctlsLimitCall,
	nrCapRightsLimit:  capRightsLimitCall,
	nrChdir:           {trap: sys.SYS_CHDIR, read: readers{path}, reply: ok},
	nrChmod:           chmodCall,
	nrChown:           chownCall,
	nrChroot:          {trap: sys.SYS_CHROOT, read: readers{path}, reply: ok},
	nrClearenv:        {run: (*Calls).clearenv},
	nrClone:           cloneCall,
	nrCloneConstant:   cloneConstantCall,
	nrClose:           {run: (*Calls).close},
	nrConnect:         {run: (*Calls).connect},
	nrCpid:            {run: (*Calls).cpid, oneTerm: true},
	nrEnviron:         {run: (*Calls).environ},
	nrErrnoId:         {run: (*Calls).errnoID},
	nrExecve:          {run: (*Calls).execve, execs: true},
	nrExecvp:          {run: (*Calls).execvp, execs: true},
	nrExit:            {run: (*Calls).exit},
	nrFcntl:           {run: (*Calls).fcntl},
	nrFcntlConstant:   {run: (*Calls).constantOf, names: fcntlConstants},
	nrFexecve:         {run: (*Calls).fexecve, execs: true},
	nrFileConstant:    {run: (*Calls).fileConstant},
	nrFilter:          {run: (*Calls).filter},
	nrFork:            {run: (*Calls).fork},
	nrGetcwd:          {run: (*Calls).getcwd},
	nrGetenv:          {run: (*Calls).getenv, oneTerm: true},
	nrGetgid:          {trap: sys.SYS_GETGID, reply: number},
	nrGetgroups:       {run: (*Calls).getgroups},
	nrGethostname:     {run: (*Calls).gethostname},
	nrGetopt:          {run: (*Calls).getopt},
	nrGetpgrp:         getpgrpCall,
	nrGetpid:          {run: (*Calls).getpid},
	nrGetpriority:     {trap: sys.SYS_GETPRIORITY, read: readers{oneOf, oneOf}, names: prioConstants, reply: okNice},
	nrGetresgid:       {run: (*Calls).getresgid},
	nrGetresuid:       {run: (*Calls).getresuid},
	nrGetrlimit:       {run: (*Calls).getrlimit},
	nrGetsid:          {trap: sys.SYS_GETSID, read: readers{signed}, reply: okNumber},
	nrGetuid:          {trap: sys.SYS_GETUID, reply: number},
	nrIoctl:           {run: (*Calls).ioctl},
	nrIoctlConstant:   {run: (*Calls).constantOf, names: ioctlConstants},
	nrIolistToBin:     {run: (*Calls).iolistToBin, oneTerm: true},
	nrJail:            jailCall,
	nrJailAttach:      jailAttachCall,
	nrJailRemove:      jailRemoveCall,
	nrKill:            {trap: sys.SYS_KILL, read: readers{signed, oneOf}, names: signalConstants, reply: ok, flush: true},
	nrLink:            linkCall,
	nrLseek:           {run: (*Calls).lseek},
	nrMkdir:           mkdirCall,
	nrMkfifo:          mkfifoCall,
	nrMount:           mountCall,
	nrMountConstant:   {run: (*Calls).constantOf, names: mountConstants},
	nrOpen:            {trap: sys.SYS_OPENAT, read: readers{here, path, anyOf, unsigned}, names: fileConstants, reply: okNumber, sleeps: true},
	nrPivotRoot:       pivotRootCall,
	nrPledge:          undefCall,
	nrPrctl:           prctlCall,
	nrPrctlConstant:   prctlConstantCall,
	nrProcctl:         procctlCall,
	nrPtrace:          ptraceCall,
	nrPtraceConstant:  ptraceConstantCall,
	nrRead:            {run: (*Calls).read},
	nrReaddir:         {run: (*Calls).readdir},
	nrRlimitConstant:  {run: (*Calls).constantOf, names: rlimitConstants},
	nrRmdir:           rmdirCall,
	nrSeccomp:         seccompCall,
	nrSeccompConstant: seccompConstantCall,
	nrSelect:          {run: (*Calls).selectFDs},
	nrSetcpid:         {run: (*Calls).setcpid},
	nrSetenv:          {run: (*Calls).setenv},
	nrSetgid:          {trap: sys.SYS_SETGID, read: readers{unsigned}, reply: ok},
	nrSetgroups:       {run: (*Calls).setgroups},
	nrSethostname:     {run: (*Calls).sethostname},
	nrSetns:           setnsCall,
	nrSetopt:          {run: (*Calls).setopt},
	nrSetpgid:         {trap: sys.SYS_SETPGID, read: readers{signed, signed}, reply: ok},
	nrSetpriority:     {trap: sys.SYS_SETPRIORITY, read: readers{oneOf, oneOf, signed}, names: prioConstants, reply: ok},
	nrSetproctitle:    {run: (*Calls).setproctitle},
	nrSetresgid:       {trap: sys.SYS_SETRESGID, read: readers{unsigned, unsigned, unsigned}, reply: ok},
	nrSetresuid:       {trap: sys.SYS_SETRESUID, read: readers{unsigned, unsigned, unsigned}, reply: okUser},
	nrSetrlimit:       {run: (*Calls).setrlimit},
	nrSetsid:          {trap: sys.SYS_SETSID, reply: okNumber},
	nrSetuid:          {trap: sys.SYS_SETUID, read: readers{unsigned}, reply: okUser},
	nrSigaction:       {run: (*Calls).sigaction},
	nrSignalConstant:  {run: (*Calls).constantOf, names: signalConstants},
	nrSocket:          {trap: sys.SYS_SOCKET, read: readers{oneOf, oneOf, signed}, names: socketConstants, reply: okNumber},
	nrSymlink:         symlinkCall,
	nrSyscallConstant: syscallConstantCall,
	nrUmount:          umountCall,
	nrUmount2:         umount2Call,
	nrUnlink:          unlinkCall,
	nrUnsetenv:        {run: (*Calls).unsetenv},
	nrUnshare:         unshareCall,
	nrUnveil:          undefCall,
	nrVersion:         {run: (*Calls).version},
	nrWaitpid:         {run: (*Calls).waitpid},
	nrWrite:           {run: (*Calls).write},

	nrGetdents: {run: (*Calls).getdents},
	nrBatch:    {run: (*Calls).batch, execs: true},
	nrSyscall:  syscallCall,
	nrWatch:    {run: (*Calls).watch},
}

// undefCall is a call that the system does not have.
var undefCall = call{run: (*Calls).undef}

// Values that a call has no argument for.

// here supplies the directory where relative paths begin.
func here(*Calls) uintptr { return sys.AT_FDCWD & (1<<32 - 1) }

func nothing(*Calls) uintptr { return 0 }
