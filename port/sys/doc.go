// SPDX-License-Identifier: ISC

// Package sys makes raw system calls of Linux and FreeBSD. It is no API for
// others.
//
// Each function is one system call, named for it; where it makes two its comment names them. It keeps promises to a
// process that has one thread, forks without exec and may live under a seccomp
// filter:
//
//   - it never enters the Go scheduler, so nothing but the system call named
//     happens;
//   - it never retries: EINTR and EAGAIN are the caller's to handle;
//   - it never allocates, and no pointer given to it escapes.
//
// Errors are an [Errno], 0 for success. Results are meaningful only on
// success. A path is a pointer to bytes that end with a NUL.
//
// Constants have the names of the kernel's headers and come from
// c_src_compat/kernel.txt. Structures are those of package syscall, or are
// declared here.
package sys
