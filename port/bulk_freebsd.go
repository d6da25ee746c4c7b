package port

// atomic is the size up to which a pipe takes all or nothing: PIPE_BUF, see
// write(2).
const atomic = 512

// setPipeSize does nothing: the kernel gives a pipe that is much written to
// more memory by itself, up to 64 KiB, and cannot be asked for more.
func setPipeSize(fd, size int) {}

func pipeCapacity(fd int) int { return usualPipe }
