package main

import (
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

const (
	prSetNoNewPrivs   = 38
	prSetSeccomp      = 22
	seccompModeFilter = 2

	bpfLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfJeq  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfRet  = 0x06 // BPF_RET | BPF_K

	dataNr   = 0 // seccomp_data.nr
	dataArch = 4 // seccomp_data.arch

	retKill  = 0x80000000 // SECCOMP_RET_KILL_PROCESS
	retAllow = 0x7fff0000 // SECCOMP_RET_ALLOW
)

type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

// allowed is all that a confined process may do.
var allowed = [...]uint32{
	syscall.SYS_EXIT,
	syscall.SYS_EXIT_GROUP,
	sysPoll,
	syscall.SYS_READ,
	syscall.SYS_RT_SIGRETURN,
	syscall.SYS_WRITE,
}

// seccomp makes the kernel kill the process for any other system call.
func seccomp() {
	program := []instruction{
		{code: bpfLoad, k: dataArch},
		{code: bpfJeq, jt: 1, k: auditArch},
		{code: bpfRet, k: retKill},
		{code: bpfLoad, k: dataNr},
	}
	for _, nr := range allowed {
		program = append(program, instruction{code: bpfJeq, jf: 1, k: nr}, instruction{code: bpfRet, k: retAllow})
	}
	program = append(program, instruction{code: bpfRet, k: retKill})
	prog := struct {
		size    uint16
		program *instruction
	}{uint16(len(program)), &program[0]}
	_, err := sys.Call6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0)
	check("no_new_privs", err)
	_, err = sys.Call(syscall.SYS_PRCTL, prSetSeccomp, seccompModeFilter, uintptr(unsafe.Pointer(&prog)))
	check("seccomp", err)
}
