// SPDX-License-Identifier: ISC

package port

import (
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// The fixed descriptors of a process. All others are firstFree or above.
const (
	stdin       = 0 // frames from above
	stdout      = 1 // frames to above
	stderr      = 2 // what cannot be said in a frame
	signalRead  = 3 // the signal pipe: the loop reads here
	signalWrite = signal.WriteFD
	controlFD   = 5 // closes on exec; notices to whoever started the process

	firstFree = controlFD + 1
)

// LastFixed is the last of the fixed descriptors.
const LastFixed = firstFree - 1

// closeFrom closes all descriptors from first on.
func closeFrom(first int) {
	if sys.CloseRange(uint(first), ^uint(0)>>32) == 0 {
		return
	}
	var limit sys.Rlimit
	sys.Getrlimit(sys.RLIMIT_NOFILE, &limit)
	for fd := first; uint64(fd) < limit.Cur; fd++ {
		sys.Close(fd)
	}
}

// closeOpen closes the descriptors that are not -1.
func closeOpen(fds ...int32) {
	for _, fd := range fds {
		if fd >= 0 {
			sys.Close(int(fd))
		}
	}
}

// pipeAbove makes a pipe whose ends are above the fixed descriptors.
func pipeAbove(p *[2]int32) sys.Errno {
	if err := sys.Pipe2(p, sys.O_CLOEXEC); err != 0 {
		return err
	}
	err := lift(p)
	if err != 0 {
		closePair(p)
	}
	return err
}

func closePair(p *[2]int32) {
	sys.Close(int(p[0]))
	sys.Close(int(p[1]))
}

// lift moves a pair above the fixed descriptors. Some of these may have been
// closed by the user. On failure what there is stays in p.
func lift(p *[2]int32) sys.Errno {
	for i, fd := range p {
		if fd >= firstFree {
			continue
		}
		n, err := sys.DupAbove(int(fd), firstFree, true)
		if err == sys.EINVAL { // firstFree is beyond the limit
			err = sys.EMFILE
		}
		if err != 0 {
			return err
		}
		sys.Close(int(fd))
		p[i] = int32(n)
	}
	return 0
}

// openSignalPipe makes a new signal pipe on its fixed descriptors.
func openSignalPipe() sys.Errno {
	sys.Close(signalRead)
	sys.Close(signalWrite)
	var pair [2]int32
	if err := sys.Pipe2(&pair, sys.O_CLOEXEC|sys.O_NONBLOCK); err != 0 {
		return err
	}
	if pair == [2]int32{signalRead, signalWrite} {
		return 0
	}
	// A lower descriptor is free. The ends may be on each other's places.
	err := lift(&pair)
	if err == 0 {
		err = sys.Dup3(int(pair[0]), signalRead, sys.O_CLOEXEC)
	}
	if err == 0 {
		err = sys.Dup3(int(pair[1]), signalWrite, sys.O_CLOEXEC)
	}
	closePair(&pair)
	return err
}

func isOpen(fd int) bool {
	_, err := sys.Fcntl(fd, sys.F_GETFD, 0)
	return err == 0
}

// moveAway gives a descriptor that was handed down to the process, and is in
// one of the fixed places, another number.
func moveAway(fd int) sys.Errno {
	const lowest = 8
	flags, err := sys.Fcntl(fd, sys.F_GETFD, 0)
	if err != 0 {
		return 0
	}
	if _, err = sys.DupAbove(fd, lowest, flags&sys.FD_CLOEXEC != 0); err != 0 {
		return err
	}
	return sys.Close(fd)
}
