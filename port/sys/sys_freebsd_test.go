// SPDX-License-Identifier: ISC

package sys

// ownCalls returns the functions that only this system has.
func ownCalls(r int) []allocating {
	return []allocating{{"Unread", func() { Unread(r) }}}
}
