// SPDX-License-Identifier: ISC

package sys

import (
	"syscall"
	"unsafe"
)

// Socket is socket(2) in AF_UNIX. typ is a SOCK_ type with its flags.
func Socket(typ int) (int, Errno) {
	return count(Call(SYS_SOCKET, AF_UNIX, uintptr(typ), 0))
}

// UnixAddress is struct sockaddr_un and its size.
type UnixAddress struct {
	sockaddr syscall.RawSockaddrUnix
	size     uintptr
}

// SetPath makes it the address of a socket file. It reports whether the path
// fits, with a NUL after it.
func (a *UnixAddress) SetPath(path string) bool {
	return len(path) < len(a.sockaddr.Path) && a.set(0, path)
}

// SetAbstract makes it an abstract address of Linux, which is no file: a NUL,
// then the name. It reports whether the name fits.
func (a *UnixAddress) SetAbstract(name string) bool {
	return len(name) < len(a.sockaddr.Path) && a.set(1, name)
}

func (a *UnixAddress) set(at int, name string) bool {
	a.sockaddr = syscall.RawSockaddrUnix{Family: AF_UNIX}
	for i := range len(name) {
		a.sockaddr.Path[at+i] = int8(name[i])
	}
	// One byte more than the name in either form.
	a.size = unsafe.Offsetof(a.sockaddr.Path) + uintptr(len(name)) + 1
	return true
}

// Connect is connect(2). It may sleep until the listener has taken others.
func Connect(fd int, a *UnixAddress) Errno {
	return fail(Call(SYS_CONNECT, uintptr(fd), ptr(&a.sockaddr), a.size))
}

// Socketpair is socketpair(2) in AF_UNIX. typ is a SOCK_ type with its flags.
func Socketpair(p *[2]int32, typ int) Errno {
	*p = [2]int32{-1, -1}
	err := fail(Call6(SYS_SOCKETPAIR, AF_UNIX, uintptr(typ), 0, ptr(p), 0, 0))
	return made(err, p[0])
}

// IsUnixSocket reports whether fd is an open socket of the AF_UNIX family.
func IsUnixSocket(fd int) bool {
	var domain int32
	size := uint32(unsafe.Sizeof(domain))
	err := fail(Call6(SYS_GETSOCKOPT, uintptr(fd), SOL_SOCKET, SO_DOMAIN, ptr(&domain), ptr(&size), 0))
	return err == 0 && domain == AF_UNIX
}
