package sys

// Rlimit is struct rlimit with 64-bit values.
type Rlimit struct{ Cur, Max uint64 }
