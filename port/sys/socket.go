package sys

import "unsafe"

// Socketpair is socketpair(2) in AF_UNIX. typ is a SOCK_ type with its flags.
func Socketpair(p *[2]int32, typ int) Errno {
	return fail(Call6(SYS_SOCKETPAIR, AF_UNIX, uintptr(typ), 0, ptr(p), 0, 0))
}

// GetsockoptInt is getsockopt(2) for an option with an int value.
func GetsockoptInt(fd, level, name int) (int, Errno) {
	var value int32
	size := uint32(unsafe.Sizeof(value))
	err := fail(Call6(SYS_GETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), ptr(&value), ptr(&size), 0))
	return int(value), err
}

// SetsockoptInt is setsockopt(2) for an option with an int value.
func SetsockoptInt(fd, level, name, value int) Errno {
	v := int32(value)
	return fail(Call6(SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), ptr(&v), unsafe.Sizeof(v), 0))
}

// Getsockname is getsockname(2) into addr. size is the length of the address,
// which is more than len(addr) when it did not fit.
func Getsockname(fd int, addr []byte) (size int, err Errno) {
	n := uint32(len(addr))
	err = fail(Call(SYS_GETSOCKNAME, uintptr(fd), buf(addr), ptr(&n)))
	return int(n), err
}

// IsUnixSocket reports whether fd is an open socket of the AF_UNIX family.
func IsUnixSocket(fd int) bool {
	domain, err := GetsockoptInt(fd, SOL_SOCKET, SO_DOMAIN)
	return err == 0 && domain == AF_UNIX
}

// Shutdown is shutdown(2).
func Shutdown(fd, how int) Errno {
	return fail(Call(SYS_SHUTDOWN, uintptr(fd), uintptr(how), 0))
}
