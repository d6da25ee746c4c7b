// SPDX-License-Identifier: ISC

package port

// atomic is the size up to which a pipe takes all or nothing: PIPE_BUF, see
// write(2).
const atomic = 512

// setPipeSize does nothing: a pipe begins with 16 KiB, and with 4 KiB once pipes
// use half of what the kernel has for all of them. It gets up to 64 KiB when it is
// much written to, if the kernel agrees, and cannot be asked for.
func setPipeSize(fd, size int) {}

func pipeCapacity(fd int) int { return usualPipe }
