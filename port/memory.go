package port

import "github.com/alcove-go/alcove/port/sys"

// firstChildren is how many children there is room for before the tables have
// to grow.
const firstChildren = 16

const firstPolled = 2 + 4*firstChildren

// memory is what a process works with, allocated once. A forked child shares
// it with its parent until one of them writes, page by page; an idle process
// costs as much as the pages that it writes. So what every message touches
// comes first, and the buffers, of which small messages touch only the front,
// share their first pages with other things that are written.
type memory struct {
	process Process
	fds     [firstPolled]sys.PollFD
	keys    [firstPolled]key
	ready   [firstPolled]key
	pids    [firstChildren]int32
	inbound [inboundSize]byte

	slots    [firstChildren]Child
	outbound [outboundSize]byte

	scratch [1 << 16]byte
}
