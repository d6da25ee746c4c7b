package onethread

import (
	_ "unsafe" // for go:linkname

	"github.com/alcove-go/alcove/port/sys"
)

//go:linkname getAuxv runtime.getAuxv
func getAuxv() []uintptr

// Entries of the auxiliary vector, see getauxval(3).
const (
	atPhdr  = 3
	atPhnum = 5
)

// Fields of ElfW(Phdr) that are used, as words. Type is uint32.
const (
	phdrType  = 0
	phdrVaddr = 2
	phdrMemsz = 5

	ptLoad = 1
	ptPhdr = 6
	pfW    = 2
)

const pageMask = 4<<10 - 1

// ReleaseMemory gives back memory that only the start of the program took. Call
// it when the program is about to wait for the first time.
func ReleaseMemory() {
	releaseHugePages()
	releaseText()
}

// releaseText unmaps the pages of the program file that are in memory. The
// start of the runtime took a megabyte of them; what is needed later is mapped
// again when it is used. Breakpoints that a debugger set before are lost.
func releaseText() {
	phdrs, n := programHeaders()
	base := phdrs
	for i := range n {
		p := phdrs + i*phdrWords*wordSize
		kind := uint32(load(p + phdrType*wordSize))
		vaddr := load(p + phdrVaddr*wordSize)
		switch {
		case kind == ptPhdr:
			base = phdrs - vaddr // 0 unless the program was moved
		case kind == ptLoad && phdrFlags(p)&pfW == 0: // as in the file
			start := base + vaddr&^pageMask
			size := load(p+phdrMemsz*wordSize) + vaddr&pageMask
			sys.Call(sys.SYS_MADVISE, start, size, sys.MADV_DONTNEED)
		}
	}
}

// programHeaders is where the kernel mapped the program headers, and how many
// there are.
func programHeaders() (addr, n uintptr) {
	auxv := getAuxv()
	for i := 0; i+1 < len(auxv); i += 2 {
		switch auxv[i] {
		case atPhdr:
			addr = auxv[i+1]
		case atPhnum:
			n = auxv[i+1]
		}
	}
	return addr, n
}
