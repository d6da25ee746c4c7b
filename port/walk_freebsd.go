// SPDX-License-Identifier: ISC

package port

// Whom a walk does not signal.
const (
	sparePorts = 1 << iota
	spareAsked
)

// A walk visits nobody here: the kernel lists no children in files.
type walk struct{ spare int }

func (p *Process) newWalk(int, []byte) (w walk) { return w }
func (w *walk) look() bool                      { return false }
func (w *walk) untilTwoLooksAgree() bool        { return false }
