package onethread

// ReleaseMemory does nothing: madvise(2) with MADV_DONTNEED takes no page out of
// the memory of a process here.
func ReleaseMemory() {}
