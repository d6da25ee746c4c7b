//go:build linux && (386 || arm)

package onethread

// phdrWords is the size of Elf32_Phdr.
const phdrWords = 8

// phdrFlags is p_flags.
func phdrFlags(phdr uintptr) uintptr { return load(phdr + 6*wordSize) }
