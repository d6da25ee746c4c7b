package port

const (
	// burst is how many full pieces one child may deliver before it is others'
	// turn.
	burst = 4

	// bulkPipe is the size of a pipe for much output in a row. The usual 64 KiB
	// make writer and reader wait for each other at every frame.
	bulkPipe = burst * (64 << 10)

	// bulkFrame is the size from which on a frame shows that there is much.
	bulkFrame = 32 << 10
)

// growPipe gives the standard output of a child that delivers much a larger
// pipe, once. It is refused to a user with very many pipes. The one above this
// process is grown by the parent, if that is a process of this program.
//
// A seccomp filter may not know the system call.
func (p *Process) growPipe(c *Child) {
	if c.grown || p.locked {
		return
	}
	c.grown = true
	setPipeSize(int(c.Stdout), bulkPipe)
	if !p.below {
		setPipeSize(stdout, bulkPipe)
	}
}
