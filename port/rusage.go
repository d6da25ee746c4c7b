// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// reportUsage sends what an ended child has used, with all that it has waited for, and
// the number of the signal that killed it:
//
//	{usage, Signal, Core, User, System, MaxRSS, MinorFaults, MajorFaults,
//	 Reads, Writes, Waits, Preemptions}
//
// User and System are times in microseconds, MaxRSS is in KiB, Reads and Writes are
// blocks. Whether it has left a core is true or false. Signal is 0 for a child that
// has exited.
func (p *Process) reportUsage(c *Child, ws sys.WaitStatus, u *sys.Rusage) {
	signal := int64(0)
	if ws.Signaled() {
		signal = int64(ws.Signal())
	}
	e := p.openChildFrame(uint32(c.Pid), typeCtl)
	e.Tuple(12)
	e.Atom("usage")
	e.Int(signal)
	e.Bool(ws.CoreDump())
	e.Int(microseconds(int64(u.Utime.Sec), int64(u.Utime.Usec)))
	e.Int(microseconds(int64(u.Stime.Sec), int64(u.Stime.Usec)))
	for _, n := range [...]int64{
		int64(u.Maxrss), int64(u.Minflt), int64(u.Majflt),
		int64(u.Inblock), int64(u.Oublock), int64(u.Nvcsw), int64(u.Nivcsw),
	} {
		e.Int(n)
	}
	p.closeFrame()
}

func microseconds(sec, usec int64) int64 { return sec*1e6 + usec }
