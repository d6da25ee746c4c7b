package onethread

import (
	"unsafe"

	"github.com/alcove-go/alcove/port/sys"
)

const (
	pageSize = pageMask + 1

	// hugePage is the size of a transparent huge page. Where pages have more
	// than 4 KiB, huge pages are larger than anything that is mapped here.
	hugePage = 2 << 20

	// ownStack is more than is in use of the stack above and below a function
	// of this file.
	ownStack = 64 << 10
)

// releaseHugePages undoes what a system does that has transparent huge pages
// for all. There the first word that the runtime writes to an area takes 2 MiB,
// and khugepaged(8) would give each forked process as much in time. From now on
// areas have the pages that were written. So it is in forked processes, but not
// in programs that they execute. Where /proc is not mounted nothing happens.
func releaseHugePages() {
	fd, err := sys.Openat(sys.AT_FDCWD, unsafe.StringData(mapsFile), sys.O_RDONLY|sys.O_CLOEXEC, 0)
	if err != 0 {
		return
	}
	defer sys.Close(fd)
	var lines [4096]byte
	for n := 0; ; {
		size, err := sys.Read(fd, lines[n:])
		if err != 0 || size == 0 {
			return
		}
		rest := lines[:n+size]
		for line, ok := nextLine(&rest); ok; line, ok = nextLine(&rest) {
			if start, end, ok := anonymous(line); ok {
				releaseHugePagesOf(start, end)
			}
		}
		n = copy(lines[:], rest)
	}
}

const mapsFile = "/proc/self/maps\x00"

// nextLine takes a line off b.
func nextLine(b *[]byte) (line []byte, ok bool) {
	for i, c := range *b {
		if c == '\n' {
			line, *b = (*b)[:i], (*b)[i+1:]
			return line, true
		}
	}
	return nil, false
}

// anonymous reads a line of the list of mappings, see proc_pid_maps(5):
//
//	7f4e6a860000-7f4e6aa00000 rw-p 00000000 00:00 0
//
// It tells whether the mapping is private, can be written and has no file.
func anonymous(line []byte) (start, end uintptr, ok bool) {
	start, line = number16(line)
	end, line = number16(line)
	if len(line) < 5 || string(line[:5]) != "rw-p " {
		return 0, 0, false
	}
	line = line[5:]
	var inode uintptr
	for range 4 { // offset, device, inode
		inode, line = number16(line)
	}
	return start, end, inode == 0
}

// number16 reads a hexadecimal number and the byte behind it.
func number16(b []byte) (n uintptr, rest []byte) {
	for i, c := range b {
		switch {
		case '0' <= c && c <= '9':
			n = n<<4 + uintptr(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 + uintptr(c-'a'+10)
		default:
			return n, b[i+1:]
		}
	}
	return n, nil
}

func releaseHugePagesOf(start, end uintptr) {
	sys.Call(sys.SYS_MADVISE, start, end-start, sys.MADV_NOHUGEPAGE)
	for block := (start + hugePage - 1) &^ (hugePage - 1); block+hugePage <= end; block += hugePage {
		if resident(block) {
			releaseZeroPages(block)
		}
	}
}

// resident tells whether all of a block is in memory, which one that is a huge
// page is.
func resident(block uintptr) bool {
	var pages [hugePage / pageSize]byte
	_, err := sys.Call(sys.SYS_MINCORE, block, hugePage, uintptr(unsafe.Pointer(&pages)))
	for _, p := range pages {
		if p&1 == 0 {
			return false
		}
	}
	return err == 0
}

// releaseZeroPages gives back the pages of a block that have nothing but zeros:
// they are zero again when they are used. The stack is left alone, which is
// written meanwhile.
func releaseZeroPages(block uintptr) {
	stack := uintptr(unsafe.Pointer(&block))
	from := block // of the pages that have been found last
	for page := block; page < block+hugePage; page += pageSize {
		ofStack := page < stack+ownStack && page+pageSize > stack-ownStack
		if ofStack || !isZero(page) {
			release(from, page)
			from = page + pageSize
		}
	}
	release(from, block+hugePage)
}

func release(from, to uintptr) {
	if from < to {
		sys.Call(sys.SYS_MADVISE, from, to-from, sys.MADV_DONTNEED)
	}
}

func isZero(page uintptr) bool {
	for addr := page; addr < page+pageSize; addr += wordSize {
		if load(addr) != 0 {
			return false
		}
	}
	return true
}
