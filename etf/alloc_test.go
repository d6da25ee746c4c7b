// SPDX-License-Identifier: ISC

package etf_test

import (
	"testing"

	"github.com/alcove-go/alcove/etf"
)

// terms has a term of every encoding, and deep and long ones.
var terms = [][]byte{
	unhex("83"),
	unhex("61 05"),
	unhex("62 fffffffe"),
	unhex("6e 08 00 ffffffffffffff7f"),
	unhex("6f 00000009 01 050000000000000000"),
	unhex("64 0002 6f6b"),
	unhex("73 02 6f6b"),
	unhex("76 0002 c3a9"),
	unhex("77 02 6f6b"),
	unhex("77 02 c480"),
	unhex("68 02 6a6a"),
	unhex("69 00000001 6a"),
	unhex("6a"),
	unhex("6b 0002 6162"),
	unhex("6c 00000002 6162 6b 0001 61 6a"),
	unhex("6d 00000002 6162"),
	unhex(wrap(16, "6161")),
	unhex(wrap(5000, "6161")),
	unhex("74 00000000"),
}

func TestReadingAllocatesNothing(t *testing.T) {
	atom, iolist := make([]byte, 0, 255), make([]byte, 0, 4095)
	var d etf.Decoder
	for name, f := range map[string]func(){
		"Tag":       func() { d.Tag() },
		"Kind":      func() { d.Kind() },
		"Version":   func() { d.Version() },
		"Tuple":     func() { d.Tuple() },
		"List":      func() { d.List() },
		"Nil":       func() { d.Nil() },
		"Int":       func() { d.Int() },
		"Uint":      func() { d.Uint() },
		"Int64":     func() { d.Int64() },
		"Uint64":    func() { d.Uint64() },
		"Int32Term": func() { d.Int32Term() },
		"Atom":      func() { d.Atom(atom) },
		"Binary":    func() { d.Binary() },
		"String":    func() { d.String() },
		"IOList":    func() { d.IOList(iolist, 4095) },
		"Skip":      func() { d.Skip() },
		"Rest":      func() { d.Rest() },
		"Offset":    func() { d.Offset() },
		"Fail":      func() { d.Fail() },
		"OK":        func() { d.OK() },
	} {
		for _, msg := range terms {
			n := testing.AllocsPerRun(10, func() {
				d.Reset(msg)
				f()
			})
			if n != 0 {
				t.Errorf("%s of %x: %v allocations, want none", name, msg, n)
			}
		}
	}
}

func TestAppendingAllocatesNothing(t *testing.T) {
	var e etf.Encoder
	for name, f := range appenders {
		for _, room := range []int{0, 1, 4, 1000} {
			buf := make([]byte, room)
			n := testing.AllocsPerRun(10, func() {
				e.Reset(buf)
				f(&e)
				e.Truncate(e.Len())
				_, _, _, _ = e.Bytes(), e.Len(), e.Room(), e.Full()
			})
			if n != 0 {
				t.Errorf("%s with room for %d bytes: %v allocations, want none", name, room, n)
			}
		}
	}
}
