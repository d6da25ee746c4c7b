// SPDX-License-Identifier: ISC

// Package porttest starts the built port program over plain pipes and speaks its protocol, for the
// tests in folder test. It is no API for others.
//
//	func TestMain(m *testing.M) { os.Exit(porttest.Main(m)) }
//
//	func TestChildAnswers(t *testing.T) {
//		p := porttest.Start(t)
//		a := p.Fork(nil)                        // a Pipeline: [A]
//		b := p.Fork(a)                          // [A, B]
//		p.Want(b.Pid(), b, "getpid")            // the reply, compared byte for byte
//		p.Exec(b, "cat")                        // execvp, and its fdctl_closed
//		p.Stdin(b, "hello\n")
//		p.Next(porttest.Stdout(b, "hello\n"))   // must be the very next message
//		p.Signal(b, syscall.SIGKILL)
//		p.Await(porttest.TermSig(b, "sigkill")) // others before it stay queued
//		p.Quiet(nil, a)                         // nothing else came
//	}
//
// Main builds the program as users build it and fails the whole run when the tests leave a
// descriptor, a child or a zombie behind. Start cleans up after itself: it closes the program's
// input. The test fails unless the program then ends with status 0, no process of its tree is left,
// nothing malformed was received and stderr stayed empty.
//
// A wait ends after 30 seconds (flag -patience), which only matters to a test that fails. The
// failure shows what was awaited and what came instead, as terms and bytes, and where each process
// of the tree stands. Flag -port tests another program than the one in this module.
//
// Files: term.go holds the external term format, frame.go frames and messages, port.go a running
// program, wait.go waiting, start.go ways of starting it. process.go holds processes,
// process_linux.go what /proc knows of them, process_freebsd.go what ps(1) does. strace.go holds
// system calls, main.go the run as a whole.
package porttest
