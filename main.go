// Command alcove is the port program of the Erlang application alcove: it reads
// frames on standard input, writes frames on standard output, and in between
// forks, confines and executes processes.
//
// The cgroup files that the Go runtime would keep open take the places of
// descriptors with fixed numbers.
//
//go:debug containermaxprocs=0
package main

import (
	"github.com/alcove-go/alcove/calls"
	"github.com/alcove-go/alcove/port"
	"github.com/alcove-go/alcove/port/onethread"
)

// From here on the process has one thread and can fork. It is done in init,
// where the runtime still holds the main goroutine on the first thread.
func init() {
	if err := onethread.Enter(); err != nil {
		port.Fail(err.Error())
	}
}

// program is all that a process works with. It is allocated as one, so that
// the parts which every call writes are in the same page (see port.Memory).
type program struct {
	calls calls.Calls
	port  port.Memory
}

func main() {
	m := new(program)
	p := m.port.Start(calls.Version)
	m.calls.Init(p)
	onethread.ReleaseMemory()
	p.Serve(&m.calls)
}
