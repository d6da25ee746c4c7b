// SPDX-License-Identifier: ISC

// Command recorder has one thread and package signal's handler for every
// signal. It prepares what the environment variable DO says, writes a line to
// descriptor 1, and does what the bytes say that it reads from descriptor 0.
package main

import (
	"runtime"
	"syscall"
	"unsafe"

	"github.com/alcove-go/alcove/port/entry"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// readFD is where the records are read that the handler wrote.
const readFD = 3

func main() {}

//go:linkname begin github.com/alcove-go/alcove/port/entry.begin
func begin() {
	signal.InstallAll()
	switch entry.Environment().At(0) {
	case "DO=":
		openPipe()
	case "DO=tell":
		openPipe()
		signal.TellFaults()
	case "DO=full-pipe":
		openPipe()
		fillPipe()
	case "DO=no-pipe":
		sys.Close(signal.WriteFD)
	case "DO=hold":
		sys.Close(signal.WriteFD)
		signal.Hold()
	case "DO=broken-pipe":
		openPipe()
		sys.Close(readFD)
	case "DO=strict":
		openPipe()
		sys.Call(sys.SYS_PRCTL, sys.PR_SET_SECCOMP, sys.SECCOMP_SET_MODE_STRICT+1, 0)
	}
	sys.Write(1, []byte("ready\n"))
	for {
		obey()
	}
}

func openPipe() {
	var p [2]int32
	sys.Pipe2(&p, sys.O_NONBLOCK)
	if p[0] != readFD {
		sys.Dup3(int(p[0]), readFD, 0)
		sys.Close(int(p[0]))
	}
	if p[1] != signal.WriteFD {
		sys.Dup3(int(p[1]), signal.WriteFD, 0)
		sys.Close(int(p[1]))
	}
}

// fillPipe leaves room for no more than one record in the pipe.
func fillPipe() {
	var record [signal.InfoSize]byte
	for err := sys.Errno(0); err == 0; {
		_, err = sys.Write(signal.WriteFD, record[:])
	}
	sys.Read(readFD, page[:]) // a pipe has room again a page at a time
	for range len(page)/len(record) - 1 {
		sys.Write(signal.WriteFD, record[:])
	}
}

var page [4096]byte

func obey() {
	var command [1]byte
	n, err := sys.Read(0, command[:])
	if err == sys.EINTR {
		return
	}
	if n == 0 {
		end()
	}
	switch command[0] {
	case 'p':
		show(readPipe)
	case 'o':
		show(readOverflow)
	case 'r':
		show(readOverflow)
		release()
	case 'k':
		show(takeAndRaise)
		release()
	case 't':
		takeStopped()
	case 'c':
		compute()
	case 'i':
		sleepStopped()
	case 's':
		fault()
	case 'b':
		runtime.Breakpoint()
	}
}

// end ends the process with _exit(2), which also the strictest filter allows.
func end() { sys.Call(syscall.SYS_EXIT, 0, 0, 0) }

// show writes records to descriptor 1, and after them one of zeros.
func show(next func(*[signal.InfoSize]byte) bool) {
	for next(&shown) {
		sys.Write(1, shown[:])
	}
	shown = [signal.InfoSize]byte{}
	sys.Write(1, shown[:])
}

// shown is not a variable of show, for which memory would be allocated.
var shown [signal.InfoSize]byte

// readPipe reads a record from the pipe.
func readPipe(record *[signal.InfoSize]byte) bool {
	for {
		n, err := sys.Read(readFD, record[:])
		if err == 0 {
			return n == len(record)
		}
		if err != sys.EINTR {
			return false
		}
	}
}

// readOverflow takes a record that was kept.
func readOverflow(record *[signal.InfoSize]byte) bool {
	return signal.TakeOverflow(record, &held)
}

// held are the signals of records that were taken while they were blocked.
var held sys.Sigset

// release unblocks the signals whose records were taken.
func release() {
	var none sys.Sigset
	signal.Release(held)
	held = none
}

// takeAndRaise takes a record that was kept, and raises a signal that comes with it.
func takeAndRaise(record *[signal.InfoSize]byte) bool {
	ok := readOverflow(record)
	if ok && word(record, 0) != lastRaised {
		sys.Kill(sys.Getpid(), lastRaised)
	}
	return ok
}

// lastRaised is a signal that only the recorder sends to itself.
const lastRaised = 44

// takeStopped stops, so that a tracer can take over, and then takes what was
// kept. It writes the numbers of the records, 0 for one that is not whole.
func takeStopped() {
	var line [16]byte
	n := 0
	sys.Kill(sys.Getpid(), int(syscall.SIGSTOP))
	var record [signal.InfoSize]byte
	for readOverflow(&record) {
		line[n] = '0'
		if allSame(&record) {
			line[n] += byte(word(&record, firstWord))
		}
		n++
	}
	line[n] = '\n'
	sys.Write(1, line[:n+1])
}

// sleepStopped stops, so that a tracer can take over, and then waits for a byte in
// a call that SIGIO interrupts.
func sleepStopped() {
	signal.FindWindow()
	signal.ForgetInterrupt()
	sys.Kill(sys.Getpid(), int(syscall.SIGSTOP))
	_, err := signal.Interruptible(sys.SYS_READ, 0, uintptr(unsafe.Pointer(&page[0])), 1, 0, 0, 0)
	if err == sys.EINTR {
		sys.Write(1, []byte("interrupted\n"))
	} else {
		sys.Write(1, []byte("read\n"))
	}
}

// The words that the test fills with the number of the record.
const firstWord, endWord = 16, 48

func allSame(record *[signal.InfoSize]byte) bool {
	for i := firstWord; i < endWord; i += 4 {
		if word(record, i) != word(record, firstWord) {
			return false
		}
	}
	return true
}

func word(record *[signal.InfoSize]byte, i int) int32 {
	return *(*int32)(unsafe.Pointer(&record[i]))
}

func report(n int32) {
	line := [2]byte{'0' + byte(min(n, 9)), '\n'}
	sys.Write(1, line[:])
}

// last is the number of the record that is not followed by another.
const last = 1 << 20

// compute calculates the same, with integers and with floating point numbers,
// until the last record comes, and writes how many results differ from the
// first.
func compute() {
	var wrong int32
	a, b := calculate()
	for {
		if c, d := calculate(); c != a || d != b {
			wrong++
		}
		var record [signal.InfoSize]byte
		if signal.TakeOverflow(&record, &held); word(&record, firstWord) == last {
			report(wrong)
			return
		}
	}
}

//go:noinline
func calculate() (hash uint64, sum float64) {
	hash = 14695981039346656037
	x := 1.0
	for i := range uint64(20000) {
		hash = (hash ^ i) * 1099511628211
		x = x*1.0000001 + 0.5
		sum += x
	}
	return hash, sum
}

var nothing *int

//go:noinline
func fault() { *nothing = 1 }
