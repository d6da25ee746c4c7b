// Package early keeps what package syscall changes before any other code of
// the program runs: the soft limit on open files.
//
// The initialiser of package syscall raises it to the hard limit. Packages are
// initialised in the order of their import paths as soon as what they import
// is done. This one imports nothing, so its turn comes before syscall's.
package early

// Limit is struct rlimit with 64-bit values.
type Limit struct{ Cur, Max uint64 }

// NoFile is RLIMIT_NOFILE as the process was started with.
var NoFile = noFile()

func noFile() (now Limit) {
	get(&now)
	return now
}

// RestoreNoFile makes RLIMIT_NOFILE again what it was at the start, for the
// process and for the programs that it executes. It reports whether the kernel
// agreed.
func RestoreNoFile() bool { return set(&NoFile) == 0 }
