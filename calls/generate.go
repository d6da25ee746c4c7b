// SPDX-License-Identifier: ISC

package calls

// The z files of this package are made from the lists of c_src_compat.
//
//go:generate go run ../c_src_compat/gen -root ..
