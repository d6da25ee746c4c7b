//go:build linux

// SPDX-License-Identifier: ISC

// Command artist escapes: it starts processes in the ways that make them hard
// to find and to end. All of them have its command line, by which a test
// counts them.
//
//	artist WAY [NUMBER [TOKEN]]
//
// It says "up" when the processes are there. No way gives in to SIGTERM but
// "willing".
//
// A process forks by the system call alone and goes on with raw ones: the
// child of a Go program that forks has no other thread.
package main

import (
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"unsafe"
)

var ways = map[string]func(n int){
	"willing":   func(int) {},
	"deaf":      func(int) { fork(pause) },
	"daemon":    func(int) { fork(func() { setsid(); fork(pause); exit() }) },
	"orphans":   func(n int) { times(n, func() { fork(func() { fork(pause); exit() }) }) },
	"group":     func(int) { fork(func() { setpgid(); fork(pause); pause() }) },
	"stopped":   func(int) { fork(func() { stop(); pause() }) },
	"many":      func(n int) { times(n, func() { fork(pause) }) },
	"bomb":      bomb,
	"respawn":   func(n int) { times(n, func() { fork(pause) }); up(); respawn() },
	"hop":       func(int) { fork(hop) },
	"hops":      func(n int) { times(n, func() { fork(hop) }) },
	"late":      func(int) { up(); term(); fork(func() { setsid(); fork(pause); exit() }); exit() },
	"late-hop":  func(int) { up(); term(); fork(hop); pause() },
	"late-exit": func(int) { up(); term(); fork(hop); exit() },
}

func main() {
	if os.Args[1] != "willing" {
		signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	}
	n := 1
	if len(os.Args) > 2 {
		n, _ = strconv.Atoi(os.Args[2])
	}
	ways[os.Args[1]](n)
	up()
	pause()
}

func up() { os.Stdout.WriteString("up\n") }

// fork starts a process that does something and is not to return.
func fork(do func()) {
	pid, _, err := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	if err == 0 && pid == 0 {
		do()
		exit()
	}
}

func times(n int, do func()) {
	for range n {
		do()
	}
}

// hop goes on in a child, in a session of its own, again and again.
func hop() {
	for {
		setsid()
		if pid, _, _ := syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0); pid != 0 {
			exit()
		}
	}
}

// bomb forks in all processes until there have been n.
func bomb(n int) {
	memory, err := syscall.Mmap(-1, 0, 4096, syscall.PROT_READ|syscall.PROT_WRITE,
		syscall.MAP_SHARED|syscall.MAP_ANON)
	if err != nil {
		panic(err)
	}
	born := (*int32)(unsafe.Pointer(&memory[0]))
	top := os.Getpid()
	for atomic.AddInt32(born, 1) <= int32(n) {
		syscall.RawSyscall6(syscall.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
	}
	if os.Getpid() == top {
		up()
	}
	respawn()
}

// respawn replaces children that have ended.
func respawn() {
	for {
		pid, _, err := syscall.RawSyscall6(syscall.SYS_WAIT4, ^uintptr(0), 0, 0, 0, 0, 0)
		switch {
		case err == syscall.ECHILD:
			pause()
		case pid != 0 && err == 0:
			fork(pause)
		}
	}
}

// term waits for SIGTERM.
func term() {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM)
	<-c
}

func pause() {
	for {
		syscall.RawSyscall6(syscall.SYS_PPOLL, 0, 0, 0, 0, 0, 0)
	}
}

func stop() {
	pid, _, _ := syscall.RawSyscall(syscall.SYS_GETPID, 0, 0, 0)
	syscall.RawSyscall(syscall.SYS_KILL, pid, uintptr(syscall.SIGSTOP), 0)
}

func setsid()  { syscall.RawSyscall(syscall.SYS_SETSID, 0, 0, 0) }
func setpgid() { syscall.RawSyscall(syscall.SYS_SETPGID, 0, 0, 0) }
func exit()    { syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 0, 0, 0) }
