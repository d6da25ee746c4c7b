// SPDX-License-Identifier: ISC

package calls

// okNice replies {ok, N}, N being the priority, which the system call tells as
// it is.
func okNice(c *Calls, r uintptr) { c.counted(int(int32(r)), 0) }
