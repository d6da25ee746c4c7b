//go:debug containermaxprocs=0
package main

import (
	"github.com/alcove-go/alcove/port/early"
	"github.com/alcove-go/alcove/port/onethread"
	"github.com/alcove-go/alcove/port/sys"
)

func init() {
	if err := onethread.Enter(); err != nil {
		println("single:", err.Error())
		sys.Exit(70)
	}
	early.RestoreNoFile()
}

func main() {
	onethread.ReleaseText()
	var b [1]byte
	sys.Write(1, []byte("ready\n"))
	sys.Read(0, b[:])
	sys.Exit(0)
}
