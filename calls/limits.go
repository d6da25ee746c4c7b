// SPDX-License-Identifier: ISC

package calls

import "github.com/alcove-go/alcove/port/sys"

// getrlimit answers getrlimit/1 with {ok, {alcove_rlimit, Soft, Hard}}, see
// getrlimit(2).
func (c *Calls) getrlimit() {
	resource := c.constant(rlimitConstants)
	if c.refused() {
		return
	}
	limit := sys.Rlimit{Cur: 1} // above the other one, which no kernel tells
	err := sys.Getrlimit(int(resource), &limit)
	if err == 0 && limit.Cur > limit.Max {
		err = sys.ESKIPPED
	}
	if err != 0 {
		c.error(err)
		return
	}
	c.results(1)
	c.reply.Tuple(3)
	c.reply.Atom("alcove_rlimit")
	c.reply.Uint(limit.Cur)
	c.reply.Uint(limit.Max)
}

// setrlimit answers setrlimit/2, see setrlimit(2). What the descriptors of the
// children need cannot be taken away.
func (c *Calls) setrlimit() {
	resource := c.constant(rlimitConstants)
	c.record("alcove_rlimit", 3)
	limit := sys.Rlimit{Cur: c.args.Uint64(), Max: c.args.Uint64()}
	if c.refused() {
		return
	}
	files := resource == sys.RLIMIT_NOFILE
	if files && !c.p.MayLimitFiles(limit.Cur) {
		c.error(sys.EINVAL)
		return
	}
	err := sys.Setrlimit(int(resource), &limit)
	if files && err == 0 {
		c.p.FilesLimited(limit.Cur)
	}
	c.done(err)
}
