// SPDX-License-Identifier: ISC

package gate

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
)

// traps are instructions that end a program which comes to them, by machine.
var traps = map[elf.Machine][]byte{
	elf.EM_386:     {0xcc},
	elf.EM_X86_64:  {0xcc},
	elf.EM_ARM:     {0xf0, 0x01, 0xf0, 0xe7},
	elf.EM_AARCH64: {0x00, 0x00, 0x20, 0xd4},
	elf.EM_RISCV:   {0x02, 0x90},
}

// Trap writes a copy of a program in which all functions are traps but the
// module's and those on the list of leaves. symbols is the same program with
// its symbols. The copy may take the place of the program.
func Trap(program, symbols, to string) error {
	functions, err := functionsOf(symbols)
	if err != nil {
		return err
	}
	text, address, err := textOf(symbols)
	if err != nil {
		return err
	}
	trapped := bytes.Clone(text.bytes)
	filled := 0
	for name, s := range functions {
		if own(name) || name == "main.main" || leaf(name) || s.Value < address {
			continue
		}
		at := s.Value - address
		b := trapped[at : at+s.Size]
		for n := 0; n < len(b); n += copy(b[n:], text.trap) {
		}
		filled++
	}
	if filled == 0 {
		return fmt.Errorf("%s: nothing of the Go runtime in it", symbols)
	}
	return replace(program, text.bytes, trapped, to)
}

// code is the machine code of a program.
type code struct{ bytes, trap []byte }

func textOf(program string) (c code, address uint64, err error) {
	f, err := elf.Open(program)
	if err != nil {
		return c, 0, err
	}
	defer f.Close()
	text := f.Section(".text")
	if text == nil || traps[f.Machine] == nil {
		return c, 0, fmt.Errorf("%s: no text of a known machine", program)
	}
	c.trap = traps[f.Machine]
	c.bytes, err = text.Data()
	return c, text.Addr, err
}

// replace writes a copy of a file in which one part, that occurs once, is another.
func replace(from string, part, with []byte, to string) error {
	all, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if n := bytes.Count(all, part); n != 1 {
		return fmt.Errorf("%s has the code of the program with symbols %d times", from, n)
	}
	return os.WriteFile(to, bytes.Replace(all, part, with, 1), 0o755)
}
