// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// atEndOfFile reports whether a stream that poll(2) has found ready, asked for POLLIN, is
// at its end: its writers are gone and all is read.
func atEndOfFile(fd *sys.PollFD) bool { return fd.Revents&sys.POLLIN == 0 }
