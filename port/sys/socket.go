package sys

import "unsafe"

// Socketpair is socketpair(2) in AF_UNIX. typ is a SOCK_ type with its flags.
func Socketpair(p *[2]int32, typ int) Errno {
	return fail(Call6(SYS_SOCKETPAIR, AF_UNIX, uintptr(typ), 0, ptr(p), 0, 0))
}

// IsUnixSocket reports whether fd is an open socket of the AF_UNIX family.
func IsUnixSocket(fd int) bool {
	var domain int32
	size := uint32(unsafe.Sizeof(domain))
	err := fail(Call6(SYS_GETSOCKOPT, uintptr(fd), SOL_SOCKET, SO_DOMAIN, ptr(&domain), ptr(&size), 0))
	return err == 0 && domain == AF_UNIX
}
