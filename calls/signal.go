// SPDX-License-Identifier: ISC

package calls

import (
	"github.com/alcove-go/alcove/etf"
	"github.com/alcove-go/alcove/port/signal"
	"github.com/alcove-go/alcove/port/sys"
)

// query is no disposition: sigaction only tells the present one.
const query = signal.Disposition(-1)

// libc keeps these for itself. No program could ever set them.
const firstReserved, lastReserved = 32, 33

// sigaction answers sigaction/2 with {ok, Old}, see sigaction(2).
func (c *Calls) sigaction() {
	signo := int(c.constant(signalConstants))
	want := c.disposition()
	if c.refused() {
		return
	}
	if signo == sys.SIGCHLD {
		c.takeSIGCHLD(want)
		return
	}
	old, err := sigaction(signo, want)
	if err != 0 {
		c.error(err)
		return
	}
	old = c.p.Disposition(signo, old)
	if want != query {
		c.p.DispositionSet(signo, want)
	}
	c.results(1)
	c.reply.Atom(dispositionName(old))
}

// takeSIGCHLD sets whether SIGCHLD is an event. Its handler stays, since without
// it nothing would tell that children end.
func (c *Calls) takeSIGCHLD(want signal.Disposition) {
	old := signal.Default
	if c.p.SIGCHLDTaken {
		old = signal.Info
	}
	if want != query {
		c.p.SIGCHLDTaken = want == signal.Info
	}
	c.results(1)
	c.reply.Atom(dispositionName(old))
}

func sigaction(signo int, want signal.Disposition) (old signal.Disposition, err sys.Errno) {
	if signo < 1 || signo > signal.Max || firstReserved <= signo && signo <= lastReserved {
		return 0, sys.EINVAL
	}
	if want == query {
		return signal.Get(signo)
	}
	return signal.Set(signo, want)
}

// disposition reads what a signal does: the name of a disposition, or
// something empty for a query.
func (c *Calls) disposition() signal.Disposition {
	switch c.args.Kind() {
	case etf.Nil:
		c.args.Nil()
		return query
	case etf.Binary:
		if len(c.args.Binary()) > 0 {
			c.refuse(invalid)
		}
		return query
	}
	switch string(c.word()) {
	case "sig_dfl":
		return signal.Default
	case "sig_ign":
		return signal.Ignore
	case "sig_info":
		return signal.Info
	}
	c.refuse(invalid)
	return query
}

// dispositionName names any handler sig_info: there are no others.
func dispositionName(d signal.Disposition) string {
	switch d {
	case signal.Default:
		return "sig_dfl"
	case signal.Ignore:
		return "sig_ign"
	}
	return "sig_info"
}
