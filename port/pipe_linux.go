// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// atomic is the size up to which a pipe takes all or nothing: PIPE_BUF, see
// pipe(7).
const atomic = 4096

func setPipeSize(fd, size int) { sys.Fcntl(fd, sys.F_SETPIPE_SZ, size) }

func pipeCapacity(fd int) int {
	n, err := sys.Fcntl(fd, sys.F_GETPIPE_SZ, 0)
	if err != 0 {
		return usualPipe
	}
	return n
}
