//go:build linux && (amd64 || arm64 || riscv64)

package onethread

// phdrWords is the size of Elf64_Phdr.
const phdrWords = 7

// phdrFlags is p_flags, which follows p_type in the same word.
func phdrFlags(phdr uintptr) uintptr { return load(phdr) >> 32 }
