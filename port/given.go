// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// Given is what programs that a process executes get in place of its own: copies of
// other descriptors as 0, 1 and 2, and a file mode creation mask. -1 leaves a part as it
// is.
type Given struct {
	Stdio [stderr + 1]int32
	Umask int32
}

// NothingGiven leaves all as it is.
var NothingGiven = Given{Stdio: [...]int32{-1, -1, -1}, Umask: -1}

// replaced keeps what the process has itself, until it is known whether the exec
// succeeds, which closes the copies.
type replaced struct {
	stdio [stderr + 1]int32 // copies; notReplaced, or wasClosed
	umask int32
}

const (
	notReplaced = -1
	wasClosed   = -2
)

// give replaces what is given. Descriptors are replaced in their order, so that a
// descriptor 1 that is given as 2 is the new one. On failure all is as before.
func (t *replaced) give(g *Given) sys.Errno {
	*t = replaced{stdio: NothingGiven.Stdio, umask: -1}
	for _, fd := range g.Stdio {
		// The copies that are kept could take the number of one that is not open.
		if fd >= firstFree && !isOpen(int(fd)) {
			return sys.EBADF
		}
	}
	for to, from := range g.Stdio {
		if from < 0 || int(from) == to {
			continue
		}
		if err := t.put(int(from), to); err != 0 {
			t.back()
			return err
		}
	}
	if g.Umask >= 0 {
		t.umask = int32(sys.Umask(int(g.Umask)))
	}
	return 0
}

// put makes descriptor to a copy of from.
func (t *replaced) put(from, to int) sys.Errno {
	saved, err := sys.DupAbove(to, firstFree, true)
	switch err {
	case 0:
	case sys.EBADF:
		saved = wasClosed
	case sys.EINVAL: // firstFree is beyond the limit
		return sys.EMFILE
	default:
		return err
	}
	if err := sys.Dup3(from, to, 0); err != 0 {
		if saved >= 0 {
			sys.Close(saved)
		}
		return err
	}
	t.stdio[to] = int32(saved)
	return 0
}

// back undoes give.
func (t *replaced) back() {
	for fd, saved := range t.stdio {
		switch {
		case saved >= 0:
			sys.Dup3(int(saved), fd, 0)
			sys.Close(int(saved))
		case saved == wasClosed:
			sys.Close(fd)
		}
	}
	if t.umask >= 0 {
		sys.Umask(int(t.umask))
	}
}
