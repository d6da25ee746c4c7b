// SPDX-License-Identifier: ISC

package port

import "github.com/alcove-go/alcove/port/sys"

// BecomeSubreaper makes orphans below the process its own children instead of init's, and
// reports whether it did. It refuses while there are children, since these may have left
// orphans to init before. So ECHILD of a wait proves that all that was started from here on
// has ended.
func (p *Process) BecomeSubreaper() bool {
	if p.Subreaper() {
		return true
	}
	p.subreaper = p.table.live == 0 && p.reapUnknown() == sys.ECHILD && sys.SetSubreaper() == 0
	return p.subreaper
}

// Subreaper reports whether all that was started below this process is still
// below it, unless it has ended. It is so by nature for process 1 of a pid
// namespace. A call of prctl(2) may have taken it away again.
func (p *Process) Subreaper() bool {
	return p.Pid == 1 || p.subreaper && (p.locked || sys.IsSubreaper())
}

// reapUnknown collects dead children that have no slot, and tells why it
// stopped: ECHILD when there are no children at all, 0 when one lives.
func (p *Process) reapUnknown() sys.Errno {
	for {
		var status int32
		pid, err := sys.Wait4(-1, &status, sys.WNOHANG, nil)
		switch {
		case err == sys.EINTR:
		case err != 0 || pid == 0:
			return err
		default:
			if c := p.ChildByPid(int32(pid)); c != nil {
				c.waited = true // its pid is not to be signalled any more
			}
		}
	}
}
