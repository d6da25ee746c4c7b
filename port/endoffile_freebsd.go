// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// atEndOfFile reports whether a stream that poll(2) has found ready, asked for POLLIN, is
// at its end: its writers are gone and all is read. Here poll reports POLLHUP as well as
// POLLIN at the end, and only POLLIN as long as there is a writer.
func atEndOfFile(fd *sys.PollFD) bool {
	if fd.Revents&sys.POLLHUP == 0 {
		return false
	}
	n, err := sys.Unread(int(fd.FD))
	return err == 0 && n == 0
}
